-- migrate:up
truncate table webhook_deliveries;
alter table webhook_deliveries add column response_ms integer;

-- migrate:down
