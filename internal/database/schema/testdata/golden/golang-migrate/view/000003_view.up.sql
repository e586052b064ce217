CREATE VIEW active_members AS SELECT m.* FROM members m WHERE m.left_at IS NULL;
CREATE OR REPLACE VIEW org_sizes AS SELECT org_id, count(*) AS size FROM members GROUP BY org_id;
