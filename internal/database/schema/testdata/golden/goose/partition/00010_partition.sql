-- +goose Up
CREATE TABLE measurements (
    at    timestamptz NOT NULL,
    value double precision
) PARTITION BY RANGE (at);
CREATE TABLE measurements_2024 PARTITION OF measurements FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_202502 PARTITION OF events FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
-- +goose Down
DROP TABLE measurements;
