-- +goose Up
-- +goose StatementBegin
DO $$
DECLARE
    d date := date_trunc('month', now());
BEGIN
    FOR i IN 0..11 LOOP
        EXECUTE format('CREATE TABLE IF NOT EXISTS events_%s PARTITION OF events FOR VALUES FROM (%L) TO (%L)', to_char(d, 'YYYYMM'), d, d + interval '1 month');
        d := d + interval '1 month';
    END LOOP;
END $$;
-- +goose StatementEnd
-- +goose Down
SELECT 1;
