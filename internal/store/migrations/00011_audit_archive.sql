-- What was moved out of the record, in order. An entry may only leave the
-- database when it is in an archive, and an archive is vouched for by an entry.

CREATE TABLE audit_archives (
  through_seq BIGINT PRIMARY KEY,
  hash        TEXT NOT NULL,
  entries     BIGINT NOT NULL,
  sha256      TEXT NOT NULL,
  at          BIGINT NOT NULL
);

{{if .SQLite}}
CREATE TRIGGER audit_archives_no_update BEFORE UPDATE ON audit_archives
BEGIN SELECT RAISE(ABORT, 'archives are never changed'); END;
CREATE TRIGGER audit_archives_no_delete BEFORE DELETE ON audit_archives
BEGIN SELECT RAISE(ABORT, 'archives are never forgotten'); END;
DROP TRIGGER audit_entries_no_delete;
CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
WHEN OLD.seq > (SELECT COALESCE(MAX(through_seq), 0) FROM audit_archives)
BEGIN SELECT RAISE(ABORT, 'audit entries are never deleted but into an archive'); END;
{{else}}
CREATE OR REPLACE FUNCTION audit_entries_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.seq <= (SELECT COALESCE(MAX(through_seq), 0) FROM audit_archives) THEN
      RETURN OLD;
    END IF;
  END IF;
  RAISE EXCEPTION 'audit entries are never changed, and never deleted but into an archive';
END $$;
CREATE FUNCTION audit_archives_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'archives are never changed or forgotten'; END $$;
CREATE TRIGGER audit_archives_no_change BEFORE UPDATE OR DELETE ON audit_archives
FOR EACH ROW EXECUTE FUNCTION audit_archives_stay();
CREATE TRIGGER audit_archives_no_truncate BEFORE TRUNCATE ON audit_archives
FOR EACH STATEMENT EXECUTE FUNCTION audit_archives_stay();
{{end}}
