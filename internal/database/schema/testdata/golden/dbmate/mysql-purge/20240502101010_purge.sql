-- migrate:up
delete from sessions where expires_at < now() - interval 90 day;
alter table sessions drop partition p2023;
insert into settings (name, value) values ('purge', '90') on duplicate key update value = values(value);

-- migrate:down
