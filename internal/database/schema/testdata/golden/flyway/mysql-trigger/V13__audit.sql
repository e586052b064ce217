CREATE TABLE invoice_audit (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  invoice_id BIGINT NOT NULL,
  changed_at DATETIME NOT NULL
);

DELIMITER //
CREATE TRIGGER invoice_after_update AFTER UPDATE ON invoice
FOR EACH ROW
BEGIN
  IF NEW.total <> OLD.total THEN
    INSERT INTO invoice_audit (invoice_id, changed_at) VALUES (NEW.id, NOW());
  END IF;
END//
DELIMITER ;
