-- +goose Up
-- +goose StatementBegin
CREATE TRIGGER accounts_touch BEFORE UPDATE ON accounts
FOR EACH ROW
BEGIN
  SET NEW.updated_at = NOW();
  SET NEW.version = OLD.version + 1;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER accounts_touch;
