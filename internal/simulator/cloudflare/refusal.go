package cloudflare

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/envdeck/envdeck/internal/simulator/wire"
)

// refusal builds an error; done and graph finish it.
type refusal struct {
	wire.Error
	chain []obj
}

// refuse makes an error with Cloudflare's code and message.
func refuse(kind wire.Kind, code int, format string, args ...any) *refusal {
	return &refusal{Error: wire.Error{Kind: kind, Code: itoa(code), Message: fmt.Sprintf(format, args...)}}
}

func (r *refusal) done() *wire.Error {
	r.Extra = r.chain
	return &r.Error
}

// graph finishes an error in the words of the GraphQL endpoint, if that was asked.
func (r *refusal) graph(is bool) *wire.Error {
	if is {
		r.Variant = variantGraph
	}
	return r.done()
}

const variantGraph = "graphql"

// codes are Cloudflare's codes where a refusal brings none of its own. 7000,
// 7003, 6003, 9109, 10000 and 10007 are seen in public reports; the published
// schemas only say "at least 1000", so the others are the nearest known ones.
var codes = map[wire.Kind]int{
	wire.UnknownPath: 7003, wire.WrongMethod: 10405, wire.Unauthorized: 10000, wire.Forbidden: 10000,
	wire.NotFound: 7003, wire.TooMany: 10429, wire.Internal: 10000 + 500, wire.Unavailable: 10000 + 503,
	wire.BadGateway: 10000 + 502, wire.GatewayTimeout: 10000 + 504, wire.TooLargeBody: 10027,
	wire.WrongContentType: 10001, wire.UnreadableBody: 10001, wire.MissingBody: 10001,
}

// render puts a refusal into the v4 envelope, or into GraphQL's.
func render(r *http.Request, e *wire.Error) *wire.Answer {
	if e.Variant == variantGraph || r.URL.Path == "/client/v4/graphql" {
		return renderGraph(e)
	}
	code, err := strconv.Atoi(e.Code)
	if err != nil {
		code = codes[e.Kind]
	}
	if code == 0 {
		code = 10001
	}
	first := obj{"code": code, "message": message(r, e)}
	if chain, ok := e.Extra.([]obj); ok && len(chain) > 0 {
		first["error_chain"] = chain
	}
	errs := []obj{first}
	if e.Kind == wire.UnknownPath {
		errs = append(errs, obj{"code": 7000, "message": "No route for that URI"})
	}
	status := e.HTTPStatus()
	if e.Kind == wire.WrongContentType {
		status = http.StatusBadRequest
	}
	answer := wire.JSON(status, obj{"success": false, "errors": errs, "messages": []any{}, "result": nil})
	if e.Kind == wire.TooMany {
		answer.Set("Retry-After", strconv.Itoa(max(1, seconds(e.Retry))))
	}
	return answer
}

func message(r *http.Request, e *wire.Error) string {
	if e.Message != "" && e.Kind != wire.UnreadableBody {
		return e.Message
	}
	switch e.Kind {
	case wire.UnknownPath, wire.NotFound:
		return "Could not route to " + r.URL.Path + ", perhaps your object identifier is invalid?"
	case wire.WrongMethod:
		return "Method not allowed for this path"
	case wire.Unauthorized, wire.Forbidden:
		return "Authentication error"
	case wire.TooMany:
		return "Rate limited. Please wait and consider throttling your request speed"
	case wire.MissingQuery, wire.InvalidQuery:
		return "Invalid query parameter '" + e.Field + "': should be " + e.Want
	case wire.UnknownField, wire.MissingField, wire.WrongType, wire.InvalidField:
		return "Invalid property '" + e.Field + "': " + fieldFault(e)
	case wire.UnreadableBody, wire.MissingBody, wire.WrongContentType:
		return "Unable to parse request body"
	case wire.Internal:
		return "Internal server error"
	}
	return "The request could not be completed"
}

func fieldFault(e *wire.Error) string {
	switch e.Kind {
	case wire.UnknownField:
		return "is not a known property"
	case wire.MissingField:
		return "is required"
	}
	return "should be " + e.Want
}

// renderGraph is the GraphQL shape: no envelope, data null, errors a list.
func renderGraph(e *wire.Error) *wire.Answer {
	text := e.Message
	switch {
	case e.Kind == wire.TooMany && text == "":
		text = "rate limiter budget depleted, try again after 5 minutes"
	case e.Kind == wire.Unavailable && text == "", e.Kind == wire.Internal && text == "":
		text = "unable to execute query, please try again later"
	case text == "":
		text = message(&http.Request{URL: graphURL}, e)
	}
	entry := obj{"message": text, "path": nil}
	if g, ok := e.Extra.(graphExtra); ok {
		entry["path"] = g.path
		entry["extensions"] = g.extensions
	}
	answer := wire.JSON(e.HTTPStatus(), obj{"data": nil, "errors": []obj{entry}})
	if e.Kind == wire.TooMany {
		answer.Set("Retry-After", strconv.Itoa(max(1, seconds(e.Retry))))
	}
	return answer
}
