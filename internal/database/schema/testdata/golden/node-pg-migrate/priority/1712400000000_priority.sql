-- Up Migration
ALTER TABLE jobs ADD COLUMN priority smallint NOT NULL DEFAULT 0;
DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (priority DESC, run_at) WHERE locked_by IS NULL;

-- Down Migration
ALTER TABLE jobs DROP COLUMN priority;
