CREATE TABLE `fulfilments` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `order_id` bigint DEFAULT NULL,
  `state` int NOT NULL DEFAULT '0',
  `created_at` datetime(6) NOT NULL,
  `updated_at` datetime(6) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `index_fulfilments_on_order_id` (`order_id`),
  CONSTRAINT `fk_rails_0f1e2d3c4b` FOREIGN KEY (`order_id`) REFERENCES `orders` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
ALTER TABLE `orders` ADD `fulfilments_count` int DEFAULT 0 NOT NULL;
ALTER TABLE `orders` CHANGE `notes` `notes` mediumtext DEFAULT NULL;
CREATE INDEX `index_orders_on_state` ON `orders` (`state`) USING BTREE COMMENT 'for the board';
