-- What reports of cron jobs have brought and what is not yet in its place among
-- the runs and sums: one row a transaction, so that a report writes next to
-- what was written last. Only SQLite has it; see cron_journal.go.
{{if .SQLite}}
CREATE TABLE cron_journal (
  seq  INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: whoever takes a row away knows that it was this one
  body BLOB NOT NULL -- JSON
);
{{else}}
SELECT 1;
{{end}}
