package inbox

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/envdeck/envdeck/internal/fault"
)

const (
	dialLimit  = 5 * time.Second
	writeLimit = 5 * time.Second // reads end with their context
)

// address is where a Redis is and how it is spoken to.
type address struct {
	network, host string
	tls           *tls.Config // nil without TLS
	options       []redis.DialOption
}

// parse reads redis://USER:PASSWORD@HOST:PORT/DATABASE, the same with rediss://
// for TLS, and unix://PATH?db=DATABASE. Errors do not repeat the address: it
// holds the password.
func parse(text string) (address, error) {
	invalid := fault.New(fault.Invalid, "redis_url is not an address such as rediss://default:PASSWORD@HOST:6379.")
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" {
		return address{}, invalid
	}
	a, database := address{network: "tcp", host: net.JoinHostPort(cmp.Or(u.Hostname(), "localhost"), cmp.Or(u.Port(), "6379"))}, strings.Trim(u.Path, "/")
	switch u.Scheme {
	case "redis":
	case "rediss":
		a.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	case "unix":
		a.network, a.host, database = "unix", u.Path, ""
	default:
		return address{}, invalid
	}
	for name, value := range u.Query() {
		if name != "db" || database != "" {
			return address{}, invalid
		}
		database = value[0]
	}
	number, err := strconv.Atoi(cmp.Or(database, "0"))
	if err != nil || number < 0 || a.host == "" {
		return address{}, invalid
	}
	password, _ := u.User.Password()
	a.options = []redis.DialOption{
		redis.DialUsername(u.User.Username()), redis.DialPassword(password), redis.DialDatabase(number), redis.DialWriteTimeout(writeLimit),
	}
	return a, nil
}

// dial connects and signs in. Nothing else is said at the start: hosted
// services answer HELLO and CLIENT with an error, and count them.
func (a address) dial(ctx context.Context) (redis.Conn, error) {
	plain := &net.Dialer{Timeout: dialLimit}
	dial := plain.DialContext
	if a.tls != nil { // not redigo's own, which waits for a handshake beyond the end of the context
		dial = (&tls.Dialer{NetDialer: plain, Config: a.tls}).DialContext
	}
	conn, err := redis.DialContext(ctx, a.network, a.host, append([]redis.DialOption{redis.DialContextFunc(dial)}, a.options...)...)
	return conn, told(err)
}

// command is one command with its arguments.
type command struct {
	name string
	args redis.Args
}

// ask sends one command. Its error is Redis' own, or that of the way there.
func (in *Inbox) ask(ctx context.Context, c command) (reply any, err error) {
	err = in.with(ctx, func(conn redis.Conn) error {
		reply, err = redis.DoContext(conn, ctx, c.name, c.args...)
		return told(err)
	})
	return reply, err
}

// askAll sends all commands before it reads the first answer. Among the
// replies may be errors.
func (in *Inbox) askAll(ctx context.Context, commands []command) (replies []any, err error) {
	err = in.with(ctx, func(conn redis.Conn) error {
		for _, c := range commands {
			if err := conn.Send(c.name, c.args...); err != nil {
				return err
			}
		}
		replies, err = redis.Values(redis.DoContext(conn, ctx, ""))
		return err
	})
	return replies, err
}

// with lends the connection. One that lay idle may have been closed at the other
// end, which only shows when it is used: what fails on the way is tried once
// more over a new one. Everything asked here may be asked twice.
func (in *Inbox) with(ctx context.Context, use func(redis.Conn) error) error {
	err := in.once(ctx, use)
	if err == nil || errors.As(err, new(refusal)) || ctx.Err() != nil {
		return err
	}
	return in.once(ctx, use)
}

func (in *Inbox) once(ctx context.Context, use func(redis.Conn) error) error {
	conn, err := in.pool.GetContext(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // back into the pool, which drops broken ones
	return use(conn)
}

// refusal is an error that Redis answered with, by its code alone: Redis repeats
// what it does not understand, and that may be a password.
type refusal string

func (r refusal) Error() string { return "it answers " + string(r) }

// told keeps of an error of Redis' own what may be told.
func told(err error) error {
	var reply redis.Error
	if !errors.As(err, &reply) {
		return err
	}
	code, _, _ := strings.Cut(string(reply), " ")
	if code == "" || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		code = "an error without a code"
	}
	return refusal(code)
}

// texts are the strings of a list; none when the reply is another one.
func texts(reply any) []string {
	list, err := redis.Strings(reply, nil)
	if err != nil {
		return nil
	}
	return list
}
