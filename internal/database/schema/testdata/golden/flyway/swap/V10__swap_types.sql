alter table payment add column amount_minor bigint;
update payment set amount_minor = round(amount * 100);
create index concurrently payment_amount_minor_idx on payment (amount_minor);
