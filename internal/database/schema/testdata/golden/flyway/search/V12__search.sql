create extension if not exists pg_trgm;
create index customer_name_trgm on customer using gin (name gin_trgm_ops);
create index customer_name_lower on customer (lower(name));
alter table customer add column search tsvector generated always as (to_tsvector('english', name)) stored;
