CREATE SEQUENCE invoice_numbers START 1000;
ALTER TABLE invoices ADD COLUMN number bigint NOT NULL DEFAULT nextval('invoice_numbers');
ALTER SEQUENCE invoice_numbers OWNED BY invoices.number;
