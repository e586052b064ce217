REVOKE DELETE ON invoices FROM app;
GRANT SELECT ON invoices TO reporting;
