-- What went wrong and who is told: incidents with their timelines, what is
-- known of each condition, and the messages that have to be delivered.

-- Facts that may have become news. A row is written in the transaction of the
-- fact itself and goes when somebody has judged it, so that nothing is lost in
-- between; rev tells whether it was asked for again meanwhile.
CREATE TABLE alert_calls (
  kind      TEXT NOT NULL CHECK (kind IN ('job', 'environment', 'operation')),
  subject   TEXT NOT NULL, -- a job's number, project/environment, an operation
  rev       BIGINT NOT NULL,
  called_at BIGINT NOT NULL,
  due_at    BIGINT NOT NULL,
  PRIMARY KEY (kind, subject)
){{if .SQLite}} WITHOUT ROWID{{end}};

-- Each rule's view of one job, environment, source or operation.
CREATE TABLE alert_conditions (
  project     TEXT NOT NULL,
  environment TEXT NOT NULL,
  event       TEXT NOT NULL,
  subject     TEXT NOT NULL,
  rev         BIGINT NOT NULL,
  bad         BOOLEAN NOT NULL,
  incident    TEXT NOT NULL, -- '' while it is not bad
  state       TEXT NOT NULL, -- the rest, JSON
  PRIMARY KEY (project, environment, event, subject)
){{if .SQLite}} WITHOUT ROWID{{end}};
CREATE INDEX alert_conditions_by_incident ON alert_conditions (incident) WHERE incident <> '';

CREATE TABLE alert_incidents (
  id          TEXT PRIMARY KEY,
  project     TEXT NOT NULL,
  environment TEXT NOT NULL,
  event       TEXT NOT NULL,
  subject     TEXT NOT NULL,
  rev         BIGINT NOT NULL,
  opened_at   BIGINT NOT NULL,
  closed_at   BIGINT,
  remind_at   BIGINT, -- NULL: nobody is reminded
  state       TEXT NOT NULL -- the rest, JSON
);
CREATE INDEX alert_incidents_by_time ON alert_incidents (project, opened_at);
CREATE INDEX alert_incidents_open ON alert_incidents (opened_at) WHERE closed_at IS NULL;

CREATE TABLE alert_entries (
  incident TEXT NOT NULL REFERENCES alert_incidents (id),
  at       BIGINT NOT NULL,
  id       TEXT NOT NULL, -- tells entries of one moment apart, and the same one twice
  kind     TEXT NOT NULL,
  text     TEXT NOT NULL,
  by_name  TEXT NOT NULL,
  PRIMARY KEY (incident, at, id)
){{if .SQLite}} WITHOUT ROWID{{end}};

-- Messages on their way. Whoever holds the lease sends.
CREATE TABLE alert_messages (
  id          TEXT PRIMARY KEY,
  seq         BIGINT NOT NULL, -- messages of one incident to one receiver go in this order
  receiver    TEXT NOT NULL,
  incident    TEXT NOT NULL, -- '' for news that is none
  event       TEXT NOT NULL,
  kind        TEXT NOT NULL,
  content     TEXT NOT NULL, -- JSON
  created_at  BIGINT NOT NULL,
  due_at      BIGINT NOT NULL,
  attempts    INTEGER NOT NULL,
  owner       TEXT NOT NULL,
  lease_until BIGINT NOT NULL,
  done_at     BIGINT,
  outcome     TEXT NOT NULL, -- '' on its way, sent, failed, dropped
  problem     TEXT NOT NULL
);
CREATE INDEX alert_messages_due ON alert_messages (receiver, due_at) WHERE done_at IS NULL;
CREATE INDEX alert_messages_by_incident ON alert_messages (incident, seq);

-- How far something was told: the place of the audit chain that left the box.
CREATE TABLE alert_marks (
  name  TEXT PRIMARY KEY,
  value BIGINT NOT NULL
);

-- Links that were used: each works once.
CREATE TABLE alert_links (
  id         TEXT PRIMARY KEY,
  expires_at BIGINT NOT NULL
);
