create or replace view customer_view as
select c.id, c.name, a.line1
from customer c left join address a on a.customer_id = c.id;
