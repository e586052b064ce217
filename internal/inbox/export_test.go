package inbox

import (
	"crypto/x509"

	"github.com/gomodule/redigo/redis"
)

// Trust has TLS believe these roots instead of the system's.
func Trust(in *Inbox, roots *x509.CertPool) {
	a, err := parse(in.o.URL.Reveal())
	if err != nil {
		panic(err)
	}
	a.tls.RootCAs = roots
	in.pool = &redis.Pool{MaxIdle: 1, DialContext: a.dial}
}
