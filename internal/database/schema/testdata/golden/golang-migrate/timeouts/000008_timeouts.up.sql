SET lock_timeout = '3s';
SET LOCAL statement_timeout = '1min';
ALTER TABLE invoices ADD COLUMN paid_at timestamptz;
CREATE INDEX invoices_paid_at ON invoices (paid_at) WHERE paid_at IS NOT NULL;
