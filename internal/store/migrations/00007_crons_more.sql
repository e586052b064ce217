-- Which operation a job has been silent since, and whether that operation was
-- still under way when it was noticed.

ALTER TABLE cron_misses ADD COLUMN operation TEXT NOT NULL DEFAULT '';
ALTER TABLE cron_misses ADD COLUMN quiet BOOLEAN NOT NULL DEFAULT FALSE;
