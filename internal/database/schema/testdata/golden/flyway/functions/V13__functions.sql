create or replace function next_invoice() returns bigint language sql as $$ select nextval('invoice_numbers') $$;
drop function if exists old_invoice();
select next_invoice();
