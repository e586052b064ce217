package vercel

import (
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/envdeck/envdeck/internal/simulator/wire"
)

// codes are Vercel's error codes where a refusal brings none of its own.
var codes = map[wire.Kind]string{
	wire.UnknownPath: "not_found", wire.NotFound: "not_found", wire.WrongMethod: "method_unknown",
	wire.Unauthorized: "forbidden", wire.Forbidden: "forbidden", wire.Conflict: "conflict", wire.Gone: "gone",
	wire.Unprocessable: "unprocessable_entity", wire.TooMany: "rate_limited", wire.Internal: "internal_server_error",
	wire.BadGateway: "bad_gateway", wire.Unavailable: "service_unavailable", wire.GatewayTimeout: "gateway_timeout",
	wire.TooLargeBody: "payload_too_large", wire.UnreadableBody: "invalid_json",
}

// render puts a refusal into Vercel's words.
func (f *Face) render(_ *http.Request, e *wire.Error) *wire.Answer {
	code := e.Code
	if code == "" {
		code = codes[e.Kind]
	}
	if code == "" {
		code = "bad_request"
	}
	status := e.HTTPStatus()
	if e.Kind == wire.WrongContentType {
		status = http.StatusBadRequest
	}
	body := obj{"code": code, "message": message(e)}
	if extra, ok := e.Extra.(obj); ok {
		maps.Copy(body, extra)
	}
	answer := wire.JSON(status, obj{"error": body})
	if e.Kind == wire.TooMany {
		if _, ok := body["limit"]; !ok {
			body["limit"] = limitBody(100, f.world.Now().Add(max(e.Retry, time.Second)))
		}
	}
	if e.Retry > 0 {
		answer.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.Retry.Seconds()))))
	}
	return answer
}

func message(e *wire.Error) string {
	switch e.Kind {
	case wire.UnknownQuery, wire.UnknownField:
		return "Invalid request: should NOT have additional property `" + e.Field + "`."
	case wire.MissingQuery, wire.MissingField:
		return "Invalid request: missing required property `" + e.Field + "`."
	case wire.InvalidQuery, wire.InvalidField, wire.WrongType:
		return "Invalid request: `" + e.Field + "` should be " + e.Want + "."
	case wire.MissingBody, wire.UnreadableBody:
		return "Invalid JSON"
	case wire.WrongContentType:
		return "Invalid Content-Type, expected application/json"
	}
	if e.Message != "" {
		return e.Message
	}
	switch e.Kind {
	case wire.UnknownPath:
		return "The requested API endpoint was not found."
	case wire.WrongMethod:
		return "The HTTP method " + e.Field + " is not supported by this endpoint."
	case wire.Unauthorized, wire.Forbidden:
		return "Not authorized"
	case wire.TooMany:
		return "Rate limited"
	}
	return http.StatusText(e.HTTPStatus())
}
