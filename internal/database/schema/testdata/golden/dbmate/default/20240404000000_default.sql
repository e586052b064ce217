-- migrate:up
alter table webhooks add column region text not null default 'eu';
alter table webhooks alter column region drop default;

-- migrate:down
alter table webhooks drop column region;
