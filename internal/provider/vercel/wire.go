package vercel

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"time"
)

// The shapes on the wire: only what is used, every field optional, because
// Vercel leaves out and adds fields without notice. What must be there is
// checked where it is used.

type projectWire struct {
	ID                      string       `json:"id"`
	Name                    string       `json:"name"`
	AutoAssignCustomDomains *bool        `json:"autoAssignCustomDomains"`
	Alias                   []aliasWire  `json:"alias"`
	Targets                 targetsWire  `json:"targets"`
	Link                    *linkWire    `json:"link"`
	LastAliasRequest        *requestWire `json:"lastAliasRequest"`
	RollingRelease          *struct{}    `json:"rollingRelease"`
	Crons                   *cronsWire   `json:"crons"`
	WebAnalytics            *toggleWire  `json:"webAnalytics"`
}

type aliasWire struct {
	Domain      string  `json:"domain"`
	Target      string  `json:"target"`
	Environment string  `json:"environment"`
	Redirect    *string `json:"redirect"`
	Deployment  *struct {
		ID string `json:"id"`
	} `json:"deployment"`
}

type targetsWire struct {
	Production *deploymentWire `json:"production"`
}

type linkWire struct {
	Type             string `json:"type"`
	Org              string `json:"org"`
	Repo             string `json:"repo"`
	ProductionBranch string `json:"productionBranch"`
}

type requestWire struct {
	From        string `json:"fromDeploymentId"`
	To          string `json:"toDeploymentId"`
	JobStatus   string `json:"jobStatus"`
	RequestedAt stamp  `json:"requestedAt"`
	Type        string `json:"type"`
}

type cronsWire struct {
	EnabledAt    stamp  `json:"enabledAt"`
	DisabledAt   stamp  `json:"disabledAt"`
	DeploymentID string `json:"deploymentId"`
	Definitions  []struct {
		Host     string `json:"host"`
		Path     string `json:"path"`
		Schedule string `json:"schedule"`
	} `json:"definitions"`
}

type toggleWire struct {
	EnabledAt  stamp `json:"enabledAt"`
	DisabledAt stamp `json:"disabledAt"`
}

// deploymentWire is a build in a list (uid, state) and alone (id, readyState).
type deploymentWire struct {
	UID       string `json:"uid"`
	ID        string `json:"id"`
	ProjectID string `json:"projectId"`
	URL       string `json:"url"`
	Inspector string `json:"inspectorUrl"`

	State         string `json:"state"`
	ReadyState    string `json:"readyState"`
	Status        string `json:"status"`
	ReadySubstate string `json:"readySubstate"`
	Target        string `json:"target"`
	Custom        *struct {
		Slug string `json:"slug"`
	} `json:"customEnvironment"`

	CreatedAt stamp `json:"createdAt"`
	Created   stamp `json:"created"`
	Ready     stamp `json:"ready"`

	Source    string `json:"source"`
	ErrorCode string `json:"errorCode"`
	// The list says null for "not known".
	RollbackCandidate *bool `json:"isRollbackCandidate"`

	Creator *struct {
		Username    string `json:"username"`
		GithubLogin string `json:"githubLogin"`
		GitlabLogin string `json:"gitlabLogin"`
		Email       string `json:"email"`
	} `json:"creator"`
	GitSource *struct {
		Ref  string    `json:"ref"`
		SHA  string    `json:"sha"`
		PRID loosePart `json:"prId"`
	} `json:"gitSource"`
	Meta metaWire `json:"meta"`
	// Only a build alone has it.
	Crons []struct {
		Path     string `json:"path"`
		Schedule string `json:"schedule"`
	} `json:"crons"`
}

// metaWire is the free-form map of a build. Its values are strings by the
// specification; others are passed over rather than making the build
// unreadable.
type metaWire map[string]loosePart

// loosePart is a string, or a number without its quotes; anything else is "".
type loosePart string

// UnmarshalJSON never fails: the value is of use to a person and to no rule.
func (p *loosePart) UnmarshalJSON(text []byte) error {
	var s string
	if json.Unmarshal(text, &s) == nil {
		*p = loosePart(s)
	} else if text[0] >= '0' && text[0] <= '9' {
		*p = loosePart(text)
	}
	return nil
}

type listWire struct {
	Deployments []deploymentWire `json:"deployments"`
	Pagination  *struct {
		Next *json.Number `json:"next"`
	} `json:"pagination"`
}

type visits struct {
	Data *struct {
		Visitors *float64 `json:"visitors"`
	} `json:"data"`
}

// stamp is a time on the wire: milliseconds since 1970, null, or, after a
// mistake that has been seen, seconds.
type stamp struct{ time.Time }

// secondsUntil tells the two apart: as milliseconds it is the spring of 1973.
const secondsUntil = 1e11

// UnmarshalJSON reads a number or null.
func (s *stamp) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	n, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsInf(n, 0) || n < 0 || n > 1e14 {
		return errors.New("not a time")
	}
	switch {
	case n == 0:
	case n < secondsUntil:
		s.Time = time.UnixMilli(int64(n * 1000)).UTC()
	default:
		s.Time = time.UnixMilli(int64(n)).UTC()
	}
	return nil
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
