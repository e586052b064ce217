-- Up Migration
WITH moved AS (
  DELETE FROM jobs WHERE kind = 'mail' RETURNING *
)
INSERT INTO mail_jobs SELECT * FROM moved;

-- Down Migration
