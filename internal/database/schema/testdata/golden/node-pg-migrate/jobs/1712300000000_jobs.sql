-- Up Migration
CREATE TABLE jobs (
  id bigserial PRIMARY KEY,
  kind text NOT NULL,
  run_at timestamptz NOT NULL DEFAULT now(),
  locked_by text
);
CREATE INDEX jobs_due ON jobs (run_at) WHERE locked_by IS NULL;

-- Down Migration
DROP TABLE jobs;
