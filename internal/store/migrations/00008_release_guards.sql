-- What guards releases: comparisons as they were confirmed, and approvals of
-- exactly one of them.

-- A comparison is kept under the hash of its content, so equal ones are one.
CREATE TABLE release_sheets (
  hash       TEXT PRIMARY KEY,
  created_at BIGINT NOT NULL,
  sheet      TEXT NOT NULL
);

CREATE TABLE release_approvals (
  id          TEXT PRIMARY KEY,
  project     TEXT NOT NULL,
  environment TEXT NOT NULL,
  -- open, approved, declined, withdrawn, outdated, used.
  state       TEXT NOT NULL,
  -- What is approved: the hash of a comparison.
  sheet       TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  -- The operation that used it, '' for none.
  operation   TEXT NOT NULL DEFAULT '',
  -- The rest of it, JSON.
  body        TEXT NOT NULL
);
CREATE INDEX release_approvals_by_time ON release_approvals (project, environment, created_at);
CREATE INDEX release_approvals_by_operation ON release_approvals (operation);
