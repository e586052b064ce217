-- +goose NO TRANSACTION
-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_created_at_idx ON users (created_at DESC);
-- +goose Down
DROP INDEX CONCURRENTLY users_created_at_idx;
