package access

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/secret"
)

// Keys are derived from one master key that is kept outside of the database:
// whoever has only a copy of the database can neither test guesses of tokens
// nor write audit entries that verify.
type Keys struct {
	pepper []byte // of tokens, links
	audit  []byte // of the audit chain
	seal   []byte // encrypts stored answers
	link   []byte // signs the links in messages
	check  string // recognises the master key; not secret
}

// NewKeys derives the keys from a master key of at least 32 characters, as it
// comes from the configuration when several replicas share a database.
func NewKeys(master secret.Text) (Keys, error) {
	m := master.Reveal()
	if len(m) < 32 {
		return Keys{}, fault.New(fault.Invalid, "The master key has fewer than 32 characters. Make one with: openssl rand -base64 32")
	}
	derive := func(purpose string) []byte {
		key, err := hkdf.Key(sha256.New, []byte(m), nil, "envdeck "+purpose+" v1", 32)
		if err != nil {
			panic("access: hkdf refused 32 bytes: " + err.Error()) // only for absurd lengths
		}
		return key
	}
	return Keys{
		pepper: derive("token"), audit: derive("audit"), seal: derive("answer"), link: derive("link"),
		check: hex.EncodeToString(derive("check")[:8]),
	}, nil
}

// OpenKeys reads the master key file, or makes it (mode 0600) when it is not
// there. It belongs beside the embedded database and into every backup of it,
// but never onto the same medium.
func OpenKeys(path string) (Keys, error) {
	for range 2 {
		text, err := os.ReadFile(path) //nolint:gosec // in the data folder, which the operator names
		if err == nil {
			if info, serr := os.Stat(path); serr == nil && info.Mode().Perm()&0o077 != 0 {
				return Keys{}, fault.New(fault.Invalid, "The key file %s can be read by others (mode %04o). Mend it with: chmod 600 %s", path, info.Mode().Perm(), path)
			}
			return NewKeys(secret.New(strings.TrimSpace(string(text))))
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return Keys{}, fault.Wrap(fault.Internal, err, "The key file %s can not be read.", path)
		}
		if err := createKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return Keys{}, fault.Wrap(fault.Internal, err, "The key file %s can not be written.", path)
		}
	}
	return Keys{}, fault.New(fault.Internal, "The key file %s appears and disappears.", path)
}

// createKey writes a whole file under another name first and then links it, so
// that two processes that start together agree on one key.
func createKey(path string) error {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // after the link its other name stays
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(raw) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}

// Links is the key that signs links in messages: whoever has one of those can
// do with it what it says, and nothing else.
func (k Keys) Links() secret.Text { return secret.New(hex.EncodeToString(k.link)) }

// hash is how a token or link is stored.
func (k Keys) hash(text string) string {
	mac := hmac.New(sha256.New, k.pepper)
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// encrypt seals text so that it opens only under the same label.
func (k Keys) encrypt(text []byte, label string) (string, error) {
	gcm, err := k.gcm()
	if err != nil {
		return "", err
	}
	nonce := make([]byte, gcm.NonceSize())
	_, _ = rand.Read(nonce)
	return base64.StdEncoding.EncodeToString(gcm.Seal(nonce, nonce, text, []byte(label))), nil
}

func (k Keys) decrypt(sealed, label string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return nil, err
	}
	gcm, err := k.gcm()
	if err != nil {
		return nil, err
	}
	if len(raw) < gcm.NonceSize() {
		return nil, errors.New("access: sealed text is too short")
	}
	return gcm.Open(nil, raw[:gcm.NonceSize()], raw[gcm.NonceSize():], []byte(label))
}

func (k Keys) gcm() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.seal)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
