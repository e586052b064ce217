DELIMITER $$

CREATE PROCEDURE fill_totals()
BEGIN
  DECLARE done INT DEFAULT FALSE;
  UPDATE invoice SET total = net + tax;
  DELETE FROM invoice_draft;
END$$

DELIMITER ;

CALL fill_totals();
DROP PROCEDURE fill_totals;
