package outbound

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// misfit is why an answer could not be read. It quotes nothing of it.
type misfit struct{ text string }

func (m *misfit) Error() string { return m.text }

// Misfit says which part of an answer makes no sense; use it with
// Client.Unusable. The text must hold nothing of the answer.
func Misfit(text string) error { return &misfit{text} }

// Decode reads one JSON value that is the whole of body. It takes fields that
// it does not know and refuses everything else that is not as expected: wrong
// types, null instead of a value, a page instead of JSON, text behind the end.
// The error is short and quotes nothing of the body.
func Decode[T any](body []byte) (T, error) {
	var v, none T
	if err := wellFormed(body); err != nil {
		return none, err
	}
	if err := json.Unmarshal(body, &v); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return none, &misfit{fmt.Sprintf("a value has another type than it should (at byte %d)", wrong.Offset)}
		}
		return none, &misfit{"a value has another form than it should"}
	}
	return v, nil
}

// wellFormed says why body is not one JSON object or array, nil when it is.
func wellFormed(body []byte) error {
	text := bytes.TrimLeft(body, " \t\r\n")
	switch {
	case len(text) == 0:
		return &misfit{"it is empty"}
	case bytes.HasPrefix(text, []byte("\xef\xbb\xbf")):
		return &misfit{"it starts with a byte order mark"}
	case text[0] == '<':
		return &misfit{"it is a page and not JSON; does base_url lead to the API?"}
	case text[0] != '{' && text[0] != '[':
		return &misfit{"it is neither an object nor a list"}
	case !json.Valid(text):
		return &misfit{"it is not JSON from start to end"}
	}
	return nil
}
