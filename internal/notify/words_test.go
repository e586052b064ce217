package notify

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/envdeck/envdeck/internal/alert"
)

// What others wrote reaches nobody's phone as a mention, a link with another
// face or markup; our own link stays one.
func TestChatsGetPlainText(t *testing.T) {
	const hostile = "<!channel> <!here> <@U1> @everyone @here <https://evil.example|click> [click](https://evil.example) `x` &lt;!channel&gt; <script>"
	d := alert.Delivery{URL: "https://deck.example.com/i?a=1&b=2"}
	d.Title, d.Text = hostile, strings.Repeat(hostile, 2)
	for host, field := range dialects {
		raw, err := encode(field, d)
		if err != nil {
			t.Fatal(err)
		}
		var body map[string]any
		if err := json.Unmarshal(raw, &body); err != nil {
			t.Fatal(err)
		}
		text, _ := body[field].(string)
		for _, bad := range []string{"<", ">", "@", "](", "`", "&lt;"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s gets %q in %s", host, bad, text)
			}
		}
		if !strings.HasSuffix(text, d.URL) {
			t.Errorf("%s does not get the link whole: %s", host, text)
		}
		if field == "content" && !strings.Contains(string(raw), `"allowed_mentions":{"parse":[]}`) && !strings.Contains(string(raw), `"allowed_mentions":{"parse":{}}`) {
			t.Errorf("%s may mention people: %s", host, raw)
		}
	}
	d.Text = strings.Repeat("ű", 2000)
	if text := words(d); len(text) > textLimit || !strings.Contains(text, d.URL) {
		t.Errorf("%d bytes", len(text))
	}
}
