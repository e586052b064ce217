CREATE TABLE event_new LIKE event;
ALTER TABLE event_new ADD COLUMN payload JSON NULL, DROP COLUMN body;
INSERT INTO event_new (id, kind, payload) SELECT id, kind, JSON_OBJECT('body', body) FROM event;
RENAME TABLE event TO event_old, event_new TO event;
