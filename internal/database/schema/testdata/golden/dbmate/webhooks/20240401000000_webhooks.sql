-- migrate:up
create table webhooks (
  id uuid primary key default gen_random_uuid(),
  url text not null,
  secret text not null,
  disabled_at timestamptz
);

-- migrate:down
drop table webhooks;
