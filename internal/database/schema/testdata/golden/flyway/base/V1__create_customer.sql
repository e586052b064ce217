create table customer (
    id uuid primary key default gen_random_uuid(),
    name varchar(120) not null,
    vat_id varchar(20)
);
