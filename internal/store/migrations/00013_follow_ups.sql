-- What is looked at and told outside after an operation began to move an
-- environment: new issues, and reports of deploys. Their jobs are in jobs, as
-- follow_<operation>.
CREATE TABLE release_follow_ups (
  operation_id TEXT PRIMARY KEY REFERENCES operations (id),
  state        TEXT NOT NULL -- JSON
){{if .SQLite}} WITHOUT ROWID{{end}};
