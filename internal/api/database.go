package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/database"
)

func (a *API) mountDatabase() {
	if a.Databases == nil {
		return
	}
	a.document(a.operation(http.MethodGet, base+"/database", "database", "The database's branches, and how its migrations stand", access.ViewDatabase), database.Status{})
	a.Door.HandleReady("GET "+base+"/database", access.FaceAPI, access.ViewDatabase, func(w http.ResponseWriter, r *http.Request, who access.Actor) {
		s, ages, err := a.Databases.Status(r.Context(), who, projectOf(r))
		if err != nil {
			a.Door.Fail(w, r, access.FaceAPI, err)
			return
		}
		serve(w, r, s, databaseAges(ages))
	})
}

// databaseAges is the header of ages: "neon=12", "neon=240;stale".
func databaseAges(ages []database.Age) string {
	texts := make([]string, 0, len(ages))
	for _, age := range ages {
		text := age.Source + "=" + strconv.FormatInt(int64(age.Age/time.Second), 10)
		if age.Never {
			text = age.Source + "=never"
		}
		if age.Stale || age.Never {
			text += ";stale"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}
