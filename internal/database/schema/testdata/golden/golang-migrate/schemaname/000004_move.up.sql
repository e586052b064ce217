CREATE SCHEMA billing;
ALTER TABLE invoices SET SCHEMA billing;
