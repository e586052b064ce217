package access_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envdeck/envdeck/internal/access"
	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

func TestOpenKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	all := make([]access.Keys, 8)
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			var err error
			if all[i], err = access.OpenKeys(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range all[1:] {
		if !cmp.Equal(all[0], k, cmp.AllowUnexported(access.Keys{})) {
			t.Fatal("processes that start together have different keys")
		}
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = access.OpenKeys(path)
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "chmod 600") {
		t.Fatalf("a key that everybody can read is taken: %v", err)
	}
	_, err = access.NewKeys(secret.New("short"))
	wantKind(t, err, fault.Invalid)
}
