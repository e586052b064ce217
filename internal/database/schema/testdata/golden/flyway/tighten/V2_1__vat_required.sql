update customer set vat_id = 'unknown' where vat_id is null;
alter table customer alter column vat_id set not null;
