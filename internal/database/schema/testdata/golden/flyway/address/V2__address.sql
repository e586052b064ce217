create table address (
    id uuid primary key,
    customer_id uuid not null references customer on delete cascade,
    line1 text not null
);
alter table customer add column default_address uuid references address;
