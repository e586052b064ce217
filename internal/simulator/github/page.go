package github

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/envdeck/envdeck/internal/simulator/wire"
)

// paged adds page and per_page. They are texts: GitHub takes a default for
// what is no number, and 100 for what is more.
func paged(params ...wire.Param) []wire.Param {
	return append(params, wire.Param{Name: "page", Type: wire.String}, wire.Param{Name: "per_page", Type: wire.String})
}

func (i *in) pageNumber() int { return atLeast(i.Str("page"), 1, 1) }

func (i *in) perPage(fallback int) int { return min(100, atLeast(i.Str("per_page"), 1, fallback)) }

func atLeast(text string, least, fallback int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < least {
		return fallback
	}
	return n
}

// cut takes one page of all.
func cut[T any](i *in, all []T, per int) []T {
	from := (i.pageNumber() - 1) * per
	if from >= len(all) {
		return nil
	}
	return all[from:min(len(all), from+per)]
}

// linked adds the Link header for a list of so many items.
func (i *in) linked(a *wire.Answer, total, per int) *wire.Answer {
	page, last := i.pageNumber(), max(1, (total+per-1)/per)
	var links []string
	link := func(n int, rel string) {
		q := i.Request.URL.Query()
		q.Set("page", strconv.Itoa(n))
		u := i.root() + i.Request.URL.EscapedPath() + "?" + encodeQuery(q)
		links = append(links, fmt.Sprintf(`<%s>; rel="%s"`, u, rel))
	}
	if page > 1 {
		link(min(page-1, last), "prev")
	}
	if page < last {
		link(page+1, "next")
		link(last, "last")
	}
	if page > 1 {
		link(1, "first")
	}
	if len(links) > 0 {
		a.Set("Link", strings.Join(links, ", "))
	}
	return a
}

func encodeQuery(q url.Values) string { return q.Encode() }

// list answers one page of a plain array.
func list[T any](i *in, all []T, show func(T) obj) *wire.Answer {
	per := i.perPage(30)
	items := []obj{}
	for _, item := range cut(i, all, per) {
		items = append(items, show(item))
	}
	return i.linked(wire.OK(items), len(all), per)
}

// counted answers one page inside an object with total_count.
func counted[T any](i *in, name string, all []T, show func(T) obj) *wire.Answer {
	per := i.perPage(30)
	items := []obj{}
	for _, item := range cut(i, all, per) {
		items = append(items, show(item))
	}
	return i.linked(wire.OK(obj{"total_count": len(all), name: items}), len(all), per)
}

// mediaKind is raw, object, diff, patch, sha or html when the caller asked for
// such a form, or "".
func mediaKind(r *http.Request) string {
	for one := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		one, _, _ = strings.Cut(strings.TrimSpace(one), ";")
		rest, ok := strings.CutPrefix(one, "application/vnd.github.")
		if !ok {
			continue
		}
		rest = strings.TrimSuffix(strings.TrimPrefix(rest, "v3."), "+json")
		if slices.Contains([]string{"raw", "object", "diff", "patch", "sha", "html"}, rest) {
			return rest
		}
	}
	return ""
}
