-- +goose Up
ALTER TABLE products
  ADD COLUMN title_lower VARCHAR(64) GENERATED ALWAYS AS (LOWER(title)) STORED,
  ADD FULLTEXT INDEX ft_title (title);
ALTER TABLE products ALTER COLUMN stock SET DEFAULT 0;
ALTER TABLE products ALTER COLUMN sku DROP DEFAULT;

-- +goose Down
ALTER TABLE products DROP COLUMN title_lower;
