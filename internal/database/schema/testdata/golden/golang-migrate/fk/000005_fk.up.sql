ALTER TABLE invoices ADD CONSTRAINT invoices_org_fk FOREIGN KEY (org_id) REFERENCES orgs (id) NOT VALID;
ALTER TABLE invoices VALIDATE CONSTRAINT invoices_org_fk;
