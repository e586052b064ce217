-- Databases: the branches that were made, restored and deleted, and the
-- snapshots before releases.

-- What a job is of, so that each sort is taken up by those who know it.
ALTER TABLE jobs ADD COLUMN kind TEXT NOT NULL DEFAULT 'release';

CREATE TABLE database_changes (
  id         TEXT PRIMARY KEY,
  project    TEXT NOT NULL,
  kind       TEXT NOT NULL CHECK (kind IN ('create', 'delete', 'restore')),
  phase      TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  ended_at   BIGINT,
  -- The rest of it, JSON.
  state      TEXT NOT NULL
);
CREATE INDEX database_changes_by_time ON database_changes (project, created_at);
-- Providers do one thing at a time.
CREATE UNIQUE INDEX database_changes_live ON database_changes (project) WHERE ended_at IS NULL;

CREATE TABLE database_snapshots (
  operation_id TEXT PRIMARY KEY,
  project      TEXT NOT NULL,
  environment  TEXT NOT NULL,
  name         TEXT NOT NULL,
  branch_id    TEXT NOT NULL,
  source_id    TEXT NOT NULL,
  source_name  TEXT NOT NULL,
  lsn          TEXT NOT NULL,
  at           BIGINT NOT NULL,
  asked_at     BIGINT NOT NULL,
  -- NULL until it is there.
  kept_at      BIGINT,
  gone_at      BIGINT
);
CREATE INDEX database_snapshots_by_time ON database_snapshots (project, asked_at);
