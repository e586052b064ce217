-- People, their tokens, sessions and one-use links.

CREATE TABLE settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE users (
  id           TEXT PRIMARY KEY,
  issuer       TEXT NOT NULL,
  subject      TEXT NOT NULL,
  name         TEXT NOT NULL,
  email        TEXT NOT NULL DEFAULT '',
  role         TEXT NOT NULL CHECK (role IN ('ADMIN', 'SUPER_ADMIN')),
  disabled     BOOLEAN NOT NULL DEFAULT FALSE,
  password     TEXT NOT NULL DEFAULT '',
  created_at   BIGINT NOT NULL,
  signed_in_at BIGINT,
  UNIQUE (issuer, subject)
);

CREATE TABLE tokens (
  id         TEXT PRIMARY KEY,
  hash       TEXT NOT NULL UNIQUE,
  owner_id   TEXT NOT NULL REFERENCES users (id),
  scope      TEXT NOT NULL CHECK (scope IN ('api', 'ping', 'report', 'mcp')),
  name       TEXT NOT NULL,
  last_four  TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  used_at    BIGINT,
  revoked_at BIGINT
);
CREATE INDEX tokens_by_owner ON tokens (owner_id, created_at);

CREATE TABLE sessions (
  id         TEXT PRIMARY KEY,
  hash       TEXT NOT NULL UNIQUE,
  user_id    TEXT NOT NULL REFERENCES users (id),
  method     TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  seen_at    BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  proven_at  BIGINT,
  address    TEXT NOT NULL,
  agent      TEXT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE links (
  hash       TEXT PRIMARY KEY,
  purpose    TEXT NOT NULL CHECK (purpose IN ('sign-in', 'set-up')),
  user_id    TEXT REFERENCES users (id),
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at    BIGINT
);

-- A sign-in at an identity provider between the way out and the way back.
CREATE TABLE flows (
  hash       TEXT PRIMARY KEY,
  kind       TEXT NOT NULL,
  state      TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);

CREATE TABLE passkeys (
  id         TEXT PRIMARY KEY,
  user_id    TEXT NOT NULL REFERENCES users (id),
  name       TEXT NOT NULL,
  credential TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  used_at    BIGINT
);
CREATE INDEX passkeys_by_user ON passkeys (user_id);

CREATE TABLE idempotency_keys (
  actor_id   TEXT NOT NULL,
  key        TEXT NOT NULL,
  body_hash  TEXT NOT NULL,
  answer     TEXT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (actor_id, key)
){{if .SQLite}} WITHOUT ROWID{{end}};
CREATE INDEX idempotency_keys_by_end ON idempotency_keys (expires_at);
