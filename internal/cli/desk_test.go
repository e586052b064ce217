package cli

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/envdeck/envdeck/internal/clock"
	"github.com/envdeck/envdeck/internal/store"
)

// machine is one with envdeck's configuration and a new database on it.
type machine struct {
	t      *testing.T
	config string
	env    map[string]string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	dir := t.TempDir()
	m := &machine{t: t, config: filepath.Join(dir, "envdeck.yaml"), env: map[string]string{}}
	text, _, code := m.run("", "simulate", "--print-config")
	if code != 0 {
		t.Fatal("no configuration")
	}
	data := filepath.Join(dir, "data")
	text = strings.Replace(text, "data: ./envdeck-data", "data: "+data, 1)
	if err := os.WriteFile(m.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), store.Config{Dir: data, Clock: clock.Real(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *machine) run(stdin string, args ...string) (out, errs string, code int) {
	m.t.Helper()
	var stdout, stderr bytes.Buffer
	code = Run(m.t.Context(), args, Streams{In: strings.NewReader(stdin), Out: &stdout, Err: &stderr, Getenv: func(name string) string { return m.env[name] }})
	return stdout.String(), stderr.String(), code
}

// do runs a command on the machine's database and wants it to work.
func (m *machine) do(stdin string, args ...string) string {
	m.t.Helper()
	out, errs, code := m.run(stdin, append(args, "--config", m.config)...)
	if code != 0 {
		m.t.Fatalf("%s: exit code %d: %s", args, code, errs)
	}
	return out
}

func TestTheOperatorWorksOnTheDatabase(t *testing.T) {
	m := newMachine(t)
	const password = "a long passphrase for kim 93"
	if out := m.do(password+"\n", "user", "add", "kim", "--role", "SUPER_ADMIN", "--password-stdin"); strings.Contains(out, "token=") {
		t.Errorf("a link beside a password: %s", out)
	}
	if out := m.do("", "user", "add", "lee"); !strings.Contains(out, "/sign-in/link?token=") {
		t.Errorf("no link without a password: %s", out)
	}
	m.do("", "user", "disable", "lee", "--reason", "left")
	m.do("", "user", "enable", "lee")
	m.do("", "user", "role", "lee", "SUPER_ADMIN")
	m.do(password+" new\n", "user", "passwd", "lee", "--password-stdin")
	var people struct{ Users []person }
	if err := json.Unmarshal([]byte(m.do("", "user", "list", "-o", "json")), &people); err != nil || len(people.Users) != 2 || people.Users[1].Role != "SUPER_ADMIN" || people.Users[1].Disabled {
		t.Errorf("people: %+v %v", people, err)
	}
	token := strings.TrimSpace(m.do("", "token", "create", "--name", "ci", "--owner", "kim"))
	if !strings.HasPrefix(token, "edk_api_") {
		t.Errorf("standard output is not the token alone: %q", token)
	}
	list := m.do("", "token", "list")
	if strings.Contains(list, token) || !strings.Contains(list, "ci") {
		t.Errorf("tokens: %s", list)
	}
	m.do("", "token", "revoke", strings.Fields(list)[len(strings.Fields(list))-1])
	head := strings.TrimSpace(m.do("", "audit", "head"))
	if out := m.do("", "audit", "verify", "--head", head); !strings.Contains(out, "are sound") {
		t.Error(out)
	}
	record := m.do("", "audit", "-n", "100")
	for _, action := range []string{"user.manage.created", "user.manage.disabled", "user.manage.role_changed", "user.manage.password_set", "token.manage.created", "token.manage.revoked", "left"} {
		if !strings.Contains(record, action) {
			t.Errorf("the record has no %s:\n%s", action, record)
		}
	}
	if strings.Contains(record, password) || strings.Contains(record, token) {
		t.Error("a secret is in the record")
	}
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	m.do("", "audit", "export", "--file", file)
	if text, err := os.ReadFile(file + ".manifest.json"); err != nil || !json.Valid(text) {
		t.Errorf("manifest: %s %v", text, err)
	}
	if _, errs, code := m.run("", "audit", "export", "--file", file, "--config", m.config); code != 2 {
		t.Errorf("an export over another: %d %s", code, errs)
	}
	saved := filepath.Join(t.TempDir(), "copy.db")
	if out := m.do("", "backup", saved); !strings.Contains(out, "master.key") {
		t.Errorf("backup does not speak of the key: %s", out)
	}
	if info, err := os.Stat(saved); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v %v", info, err)
	}
}

func TestExitCodesSayWhatSortOfFaultItWas(t *testing.T) {
	m := newMachine(t)
	here := []string{"--config", m.config}
	for name, c := range map[string]struct {
		stdin string
		args  []string
		env   map[string]string
		code  int
		says  string
	}{
		"not there":                {args: append([]string{"user", "disable", "nobody"}, here...), code: 5, says: "user list"},
		"not a role":               {args: append([]string{"user", "add", "kim", "--role", "BOSS"}, here...), code: 2, says: "body.role"},
		"a weak password":          {stdin: "123456\n", args: append([]string{"user", "add", "kim", "--password-stdin"}, here...), code: 2},
		"no terminal":              {args: append([]string{"user", "passwd", "kim"}, here...), code: 5},
		"a token of nobody":        {args: append([]string{"token", "create", "--name", "x"}, here...), code: 2, says: "--owner"},
		"both places":              {args: append([]string{"user", "list", "--url", "https://deck.example"}, here...), code: 2, says: "--url"},
		"a record that was longer": {args: append([]string{"audit", "verify", "--head", "99:" + strings.Repeat("a", 64)}, here...), code: 6, says: "cut off"},
		"not a day":                {args: append([]string{"audit", "--from", "yesterday"}, here...), code: 2, says: "2026-11-22"},
		"a server without a token": {args: []string{"user", "list"}, env: map[string]string{"ENVDECK_URL": "https://deck.example"}, code: 3, says: "ENVDECK_TOKEN"},
		"not over plain http":      {args: []string{"audit"}, env: map[string]string{"ENVDECK_URL": "http://deck.example", "ENVDECK_TOKEN": "t"}, code: 2, says: "https"},
		"a word that is none":      {args: []string{"user", "list", "--nonsense"}, code: 2, says: "--help"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &machine{t: t, config: m.config, env: c.env}
			if _, errs, code := m.run(c.stdin, c.args...); code != c.code || !strings.Contains(errs, c.says) {
				t.Errorf("exit code %d, want %d, with %q: %s", code, c.code, c.says, errs)
			}
		})
	}
}
