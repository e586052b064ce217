-- +goose Up
CREATE TABLE plans (
    code  text PRIMARY KEY,
    price numeric(10,2) NOT NULL
);
INSERT INTO plans (code, price) VALUES ('free', 0), ('pro', 9.99);
ALTER TABLE accounts ADD COLUMN plan text REFERENCES plans (code);
-- +goose Down
ALTER TABLE accounts DROP COLUMN plan;
DROP TABLE plans;
