-- The record of who did what: append-only, each row chained to the one before.

CREATE TABLE audit_entries (
  seq         BIGINT PRIMARY KEY,
  at          BIGINT NOT NULL,
  actor_kind  TEXT NOT NULL,
  actor_id    TEXT NOT NULL,
  actor_name  TEXT NOT NULL,
  token_id    TEXT NOT NULL,
  session_id  TEXT NOT NULL,
  face        TEXT NOT NULL,
  action      TEXT NOT NULL,
  project     TEXT NOT NULL,
  environment TEXT NOT NULL,
  object      TEXT NOT NULL,
  reason      TEXT NOT NULL,
  result      TEXT NOT NULL,
  request_id  TEXT NOT NULL,
  address     TEXT NOT NULL,
  detail      TEXT NOT NULL,
  prev_hash   TEXT NOT NULL,
  hash        TEXT NOT NULL
){{if .SQLite}} WITHOUT ROWID{{end}};
CREATE INDEX audit_entries_by_actor ON audit_entries (actor_id, seq);
CREATE INDEX audit_entries_by_action ON audit_entries (action, seq);
CREATE INDEX audit_entries_by_environment ON audit_entries (environment, seq);
CREATE INDEX audit_entries_by_time ON audit_entries (at, seq);

-- One row: where the chain ends, and the lock that puts its writers in a row.
CREATE TABLE audit_heads (
  id   INTEGER PRIMARY KEY CHECK (id = 1),
  seq  BIGINT NOT NULL,
  hash TEXT NOT NULL,
  at   BIGINT NOT NULL
);
INSERT INTO audit_heads (id, seq, hash, at)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000', 0);

{{if .SQLite}}
CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END;
CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'audit entries are never deleted'); END;
{{else}}
CREATE FUNCTION audit_entries_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'audit entries are never changed or deleted'; END $$;
CREATE TRIGGER audit_entries_no_change BEFORE UPDATE OR DELETE ON audit_entries
FOR EACH ROW EXECUTE FUNCTION audit_entries_stay();
CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries
FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_stay();
{{end}}

CREATE TABLE deployment_audits (
  id                 TEXT PRIMARY KEY,
  action             TEXT NOT NULL,
  environment        TEXT NOT NULL,
  from_deployment_id TEXT,
  to_deployment_id   TEXT,
  triggered_by       TEXT NOT NULL,
  reason             TEXT NOT NULL,
  status             TEXT NOT NULL CHECK (status IN ('pending', 'success', 'failed')),
  created_at         BIGINT NOT NULL,
  completed_at       BIGINT
);
CREATE INDEX deployment_audits_by_time ON deployment_audits (environment, created_at);
