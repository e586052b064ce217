-- +goose Up
ALTER TABLE accounts ADD COLUMN plan_id INT NULL, ADD COLUMN trial TINYINT(1) NOT NULL DEFAULT '0';
UPDATE accounts a JOIN plans p ON p.code = a.plan SET a.plan_id = p.id;
ALTER TABLE accounts MODIFY COLUMN plan_id INT NOT NULL;

-- +goose Down
ALTER TABLE accounts DROP COLUMN plan_id, DROP COLUMN trial;
