ALTER TABLE `users` CHANGE COLUMN `mail` `email` VARCHAR(255) NOT NULL;
ALTER TABLE `users` ADD CONSTRAINT `uq_users_email` UNIQUE (`email`);
