-- +goose Up
ALTER TABLE people ADD COLUMN given_name text, ADD COLUMN family_name text;
UPDATE people SET given_name = split_part(name, ' ', 1), family_name = split_part(name, ' ', 2);
ALTER TABLE people DROP COLUMN name;
-- +goose Down
ALTER TABLE people ADD COLUMN name text;
