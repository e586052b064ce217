CREATE TABLE members (
  org_id int NOT NULL REFERENCES orgs (id),
  user_id int NOT NULL,
  PRIMARY KEY (org_id, user_id)
);
ALTER TABLE orgs ADD COLUMN billing_email text;
