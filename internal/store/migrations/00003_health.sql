-- What the probes found. Read by environment and time, so kept in that order.

CREATE TABLE health_samples (
  project       TEXT NOT NULL,
  environment   TEXT NOT NULL,
  at            BIGINT NOT NULL,
  verdict       TEXT NOT NULL,
  reason        TEXT NOT NULL,
  offline       BOOLEAN NOT NULL,
  cached        BOOLEAN NOT NULL,
  status        INTEGER NOT NULL,
  commit_sha    TEXT NOT NULL,
  branch        TEXT NOT NULL,
  version       TEXT NOT NULL,
  parts         TEXT NOT NULL,
  dns_us        BIGINT NOT NULL,
  connect_us    BIGINT NOT NULL,
  tls_us        BIGINT NOT NULL,
  first_byte_us BIGINT NOT NULL,
  total_us      BIGINT NOT NULL,
  PRIMARY KEY (project, environment, at)
){{if .SQLite}} WITHOUT ROWID{{end}};
-- For the sweep of old samples, which goes across environments.
CREATE INDEX health_samples_by_time ON health_samples (at);
