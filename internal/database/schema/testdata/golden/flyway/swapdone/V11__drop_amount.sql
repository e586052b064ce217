alter table payment drop column amount;
alter table payment rename column amount_minor to amount;
