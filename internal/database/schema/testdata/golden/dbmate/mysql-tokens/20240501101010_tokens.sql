-- migrate:up
create table tokens (
  id binary(16) not null primary key,
  user_id bigint unsigned not null,
  hash char(64) character set ascii not null,
  expires_at datetime(6) null,
  unique key tokens_hash (hash),
  constraint tokens_user foreign key (user_id) references users (id) on delete cascade
);
alter table users add column last_token_at datetime(6) null comment 'set by the API; never cleared';

-- migrate:down
alter table users drop column last_token_at;
drop table tokens;
