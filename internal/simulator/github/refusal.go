package github

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/envdeck/envdeck/internal/simulator/wire"
)

const (
	docs      = "https://docs.github.com/rest"
	notObject = "Body should be a JSON object"
)

// render puts a refusal into GitHub's words.
func (f *Face) render(r *http.Request, e *wire.Error) *wire.Answer {
	switch {
	case e.Variant == "plain":
		return wire.Raw(http.StatusForbidden, "text/html; charset=utf-8", []byte(e.Message))
	case e.Kind == wire.TooMany:
		return f.throttled(r, e)
	}
	status, message := words(e)
	body := obj{"message": message, "documentation_url": docs, "status": strconv.Itoa(status)}
	if list, ok := e.Extra.([]obj); ok {
		body["errors"] = list
	}
	answer := wire.JSON(status, body)
	if e.Retry > 0 {
		answer.Set("Retry-After", seconds(e))
	}
	return answer
}

func seconds(e *wire.Error) string {
	return strconv.Itoa(max(1, int(math.Ceil(e.Retry.Seconds()))))
}

// throttled is both limits. The primary one says when in its headers; only the
// secondary one has Retry-After.
func (f *Face) throttled(r *http.Request, e *wire.Error) *wire.Answer {
	status := e.Status
	if status == 0 {
		status = http.StatusForbidden
	}
	if e.Variant != "primary" {
		answer := wire.JSON(status, obj{
			"message":           "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to GitHub Support for help, please include the request ID " + f.requestID() + ".",
			"documentation_url": docs + "/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
			"status":            strconv.Itoa(status),
		})
		if e.Retry > 0 {
			answer.Set("Retry-After", seconds(e))
		}
		return answer
	}
	message := "API rate limit exceeded for 127.0.0.1. (But here's the good news: Authenticated requests get a higher rate limit. Check out the documentation for more details.)"
	if g, ok := e.Extra.(*grant); ok && !g.anonymous {
		message = fmt.Sprintf("API rate limit exceeded for user ID %d. If you reach out to GitHub Support for help, please include the request ID %s and timestamp %s UTC.", g.user.GitHubID, f.requestID(), f.world.Now().UTC().Format("2006-01-02 15:04:05"))
	}
	if strings.HasSuffix(r.URL.Path, "/graphql") { // the primary limit is a 200 there
		return wire.OK(obj{"errors": []obj{{"type": "RATE_LIMITED", "code": "graphql_rate_limit", "message": message}}}).Set("X-Ratelimit-Remaining", "0")
	}
	return wire.JSON(status, obj{
		"message": message, "documentation_url": docs + "/overview/rate-limits-for-the-rest-api", "status": strconv.Itoa(status),
	}).Set("X-Ratelimit-Remaining", "0")
}

// words is the status and the message of a refusal.
func words(e *wire.Error) (int, string) {
	switch e.Kind {
	case wire.UnknownPath, wire.WrongMethod:
		return http.StatusNotFound, "Not Found" // GitHub has no 405
	case wire.UnreadableBody:
		return http.StatusBadRequest, "Problems parsing JSON"
	case wire.MissingBody:
		return http.StatusBadRequest, notObject
	case wire.WrongType:
		if e.Field == "" {
			return http.StatusBadRequest, notObject
		}
		return http.StatusUnprocessableEntity, "Invalid request.\n\n" + findings(e)
	case wire.UnknownField, wire.MissingField, wire.InvalidField:
		return http.StatusUnprocessableEntity, "Invalid request.\n\n" + findings(e)
	case wire.MissingQuery, wire.InvalidQuery:
		return http.StatusUnprocessableEntity, "Validation Failed"
	}
	if e.Message != "" {
		return e.HTTPStatus(), e.Message
	}
	switch e.Kind {
	case wire.Unauthorized:
		return http.StatusUnauthorized, "Bad credentials"
	case wire.Forbidden:
		return http.StatusForbidden, "Resource not accessible by personal access token"
	case wire.Internal, wire.BadGateway, wire.Unavailable:
		return e.HTTPStatus(), "Server Error"
	}
	return e.HTTPStatus(), http.StatusText(e.HTTPStatus())
}

// findings lists what is wrong with a body in the words of GitHub's JSON
// Schema check.
func findings(e *wire.Error) string {
	issues := e.Issues
	if len(issues) == 0 {
		issues = []*wire.Error{e}
	}
	var lines []string
	for _, i := range issues {
		switch i.Kind {
		case wire.UnknownField:
			lines = append(lines, fmt.Sprintf("%q is not a permitted key.", i.Field))
		case wire.MissingField:
			lines = append(lines, fmt.Sprintf("%q wasn't supplied.", i.Field))
		case wire.WrongType:
			lines = append(lines, fmt.Sprintf("For 'properties/%s', %s is not %s.", strings.ReplaceAll(i.Field, ".", "/"), i.Got, article(i.Want)))
		default:
			lines = append(lines, i.Message)
		}
	}
	return strings.Join(lines, "\n")
}

func article(want string) string {
	switch want {
	case "object", "array", "integer":
		return "an " + want
	}
	if strings.HasPrefix(want, "a ") || strings.HasPrefix(want, "an ") {
		return want
	}
	return "a " + want
}
