-- migrate:up transaction:false
create index concurrently webhooks_url on webhooks (url);

-- migrate:down transaction:false
drop index concurrently webhooks_url;
