create table `wallets` (`id` int unsigned not null auto_increment primary key, `user_id` int unsigned null, `balance` decimal(14, 2) not null default '0');
alter table `wallets` add constraint `wallets_user_id_foreign` foreign key (`user_id`) references `users` (`id`);
alter table `users` add `wallet_limit` int null, add `frozen` boolean default false;
alter table `users` add unique `users_handle_unique`(`handle`);
alter table `users` drop index `users_nick_index`;
alter table `users` drop `nick`;
