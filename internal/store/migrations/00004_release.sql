-- Releases: what was asked, where it stands, what was done and seen, and who
-- drives it.

CREATE TABLE operations (
  id          TEXT PRIMARY KEY,
  project     TEXT NOT NULL,
  environment TEXT NOT NULL,
  action      TEXT NOT NULL CHECK (action IN ('promote', 'rollback', 'deploy')),
  phase       TEXT NOT NULL,
  cause       TEXT NOT NULL,
  reason      TEXT NOT NULL,
  -- Whether a change to production may have been made.
  switched    BOOLEAN NOT NULL,
  created_at  BIGINT NOT NULL,
  updated_at  BIGINT NOT NULL,
  ended_at    BIGINT,
  -- What somebody tells it to do, '' for nothing; JSON.
  orders      TEXT NOT NULL DEFAULT '',
  -- The rest of it, JSON.
  state       TEXT NOT NULL
);
CREATE INDEX operations_by_time ON operations (project, created_at);
-- One live operation for each environment, whoever asks and how often.
CREATE UNIQUE INDEX operations_live ON operations (project, environment) WHERE ended_at IS NULL;

CREATE TABLE operation_steps (
  operation_id TEXT NOT NULL REFERENCES operations (id),
  seq          INTEGER NOT NULL,
  step         TEXT NOT NULL,
  PRIMARY KEY (operation_id, seq)
){{if .SQLite}} WITHOUT ROWID{{end}};

-- Work that must not be lost. Whoever holds the lease does it; the fence grows
-- each time it is taken up, so that an owner who was away too long is refused.
CREATE TABLE jobs (
  id          TEXT PRIMARY KEY,
  due_at      BIGINT NOT NULL,
  owner       TEXT NOT NULL DEFAULT '',
  fence       BIGINT NOT NULL DEFAULT 0,
  lease_until BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX jobs_by_due ON jobs (due_at);

CREATE TABLE release_holds (
  id          TEXT PRIMARY KEY,
  project     TEXT NOT NULL,
  environment TEXT NOT NULL,
  reason      TEXT NOT NULL,
  by_id       TEXT NOT NULL,
  by_name     TEXT NOT NULL,
  by_kind     TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  lifted_at   BIGINT
);
CREATE INDEX release_holds_by_end ON release_holds (project, environment, expires_at);
