package health

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"strings"
)

// Report is what a health endpoint's answer says.
type Report struct {
	Verdict Verdict
	Reason  string // "" when Healthy
	Parts   []Part // at most 50, the worst first
	Commit  string // validated, "" when the answer names none
	Branch  string
	Version string
}

// Read judges an answer of a health endpoint: its HTTP status, its content
// type and its body, in any of the common formats, without being told which.
//
// The verdict is the worst of the HTTP status, the app's own overall word and
// its components. Where the app gives an overall word, a component that is
// down makes the whole Degraded and no worse: the app knows best which of its
// components it can do without. A word that we do not know is Unknown.
func Read(status int, contentType string, body []byte) Report {
	r := readBody(contentType, body)
	r.judge(status)
	if len(r.Parts) > maxParts {
		r.Parts = r.Parts[:maxParts]
	}
	r.Reason = clean(r.Reason, maxReason)
	if r.Verdict == Healthy {
		r.Reason = ""
	}
	return r
}

// judge weighs the HTTP status against what the body says. A refusal says
// nothing of the app's health; an error does, and the body keeps its detail.
func (r *Report) judge(status int) {
	said := r.Reason
	switch {
	case status >= 200 && status < 300:
	case status >= 300 && status < 400:
		r.Verdict = Unknown
		r.Reason = fmt.Sprintf("redirects to another address (HTTP %d)", status)
	case status == 401 || status == 403 || status == 407:
		r.Verdict = Unknown
		r.Reason = fmt.Sprintf("asks for a login (HTTP %d), so its health cannot be seen", status)
	case status == 429:
		r.Verdict = Unknown
		r.Reason = "refuses to be asked so often (HTTP 429)"
	default:
		r.Reason = fmt.Sprintf("answers HTTP %d", status)
		switch {
		case r.Verdict == Healthy:
			r.Reason += " though its body says that all is well"
		case r.Verdict != Unknown && said != "":
			r.Reason += ": " + said
		case status == 404:
			r.Reason += ": there is no health endpoint at this address"
		}
		r.Verdict = Down
	}
}

func readBody(contentType string, body []byte) Report {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	media, _, _ := mime.ParseMediaType(contentType)
	switch {
	case len(body) == 0:
		return Report{Verdict: Healthy} // the status code is all it says
	case body[0] == '{':
		return readObject(body)
	case body[0] == '<' || media == "text/html":
		return Report{Verdict: Unknown, Reason: "answers a web page instead of a health report"}
	}
	// ASP.NET's default, and many a hand-made endpoint: one word, with or
	// without the quotes of JSON.
	word := strings.Trim(string(body[:min(len(body), maxName+2)]), `"`)
	if m := read(word); m != unread {
		return Report{Verdict: m.verdict(), Reason: fmt.Sprintf("says %q", clean(word, maxName))}
	}
	return Report{Verdict: Unknown, Reason: "answers something that is no health report"}
}

func readObject(body []byte) Report {
	var o object
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&o); err != nil {
		return Report{Verdict: Unknown, Reason: "answers broken JSON"}
	}
	var r Report
	r.Commit, r.Branch, r.Version = o.identity()
	m, word, said := o.overall()
	parts := o.parts()
	for _, p := range parts {
		r.Parts = append(r.Parts, p.Part)
	}
	if !said && len(parts) == 0 {
		r.Verdict, r.Reason = Unknown, "answers JSON without a status"
		return r
	}
	r.Verdict = Healthy
	if said {
		r.Verdict = m.verdict()
	}
	fold(&r, parts, said)
	if r.Reason == "" {
		r.Reason = reason(o, m, word)
	}
	return r
}

// fold weighs the components in, and takes the reason from those that count.
func fold(r *Report, parts []part, said bool) {
	counted := 0
	var why []string
	for _, p := range parts {
		if p.means == aside {
			continue
		}
		counted++
		v := p.Verdict
		if v == Healthy {
			continue
		}
		if v == Down && said {
			v = Degraded
		}
		r.Verdict = Worst(r.Verdict, v)
		why = append(why, p.sentence())
	}
	if !said && counted == 0 {
		r.Verdict, r.Reason = Unknown, "no component says how it is"
		return
	}
	r.Reason = strings.Join(why[:min(len(why), 5)], "; ")
}

// sentence is a component's share of the reason.
func (p part) sentence() string {
	if p.means == unread {
		return fmt.Sprintf("%s says %q, a word that is not known", p.Name, p.Detail)
	}
	if read(p.Detail) == p.means || p.Detail == "" {
		return fmt.Sprintf("%s is %s", p.Name, p.Verdict)
	}
	return fmt.Sprintf("%s is %s: %s", p.Name, p.Verdict, p.Detail)
}

// reason is why the overall word is not a good one, when no component says.
func reason(o object, m meaning, word string) string {
	if text := o.text("message", "output", "error", "reason", "description", "detail"); text != "" && read(text) == unread {
		return text
	}
	if m == unread && word != "" {
		return fmt.Sprintf("says %q, a word that is not known", clean(word, maxName))
	}
	return fmt.Sprintf("says %q", clean(word, maxName))
}
