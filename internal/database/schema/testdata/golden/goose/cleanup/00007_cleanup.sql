-- +goose Up
DELETE FROM sessions WHERE expires_at < now() - interval '30 days';
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
-- +goose Down
DROP INDEX sessions_expires_at_idx;
