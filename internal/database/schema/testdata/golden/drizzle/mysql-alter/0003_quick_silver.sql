ALTER TABLE `orders` ADD `currency` varchar(3) DEFAULT 'EUR' NOT NULL;--> statement-breakpoint
ALTER TABLE `orders` ADD `note` text;--> statement-breakpoint
ALTER TABLE `orders` ADD `channel` enum('web','app') NOT NULL;--> statement-breakpoint
ALTER TABLE `orders` MODIFY COLUMN `total` decimal(12,2) NOT NULL;--> statement-breakpoint
ALTER TABLE `customers` RENAME COLUMN `name` TO `full_name`;--> statement-breakpoint
ALTER TABLE `customers` DROP COLUMN `fax`;
