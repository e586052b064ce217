-- Where the next output goes: a server takes many places at once, so that what
-- a run printed is one plain insert.

CREATE TABLE cron_places (
  id   INTEGER NOT NULL PRIMARY KEY, -- 1: there is one row
  next BIGINT NOT NULL
);
INSERT INTO cron_places (id, next) SELECT 1, COALESCE(MAX(id), 0) + 1 FROM cron_outputs;
