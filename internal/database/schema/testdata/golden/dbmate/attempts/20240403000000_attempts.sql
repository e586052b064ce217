-- migrate:up
alter table webhooks add column attempts int not null default 0;
alter table webhooks add column last_error text;

-- migrate:down
alter table webhooks drop column attempts, drop column last_error;
