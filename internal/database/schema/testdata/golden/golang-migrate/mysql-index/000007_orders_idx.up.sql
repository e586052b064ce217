ALTER TABLE orders
  ADD COLUMN shipped_at DATETIME NULL AFTER created_at,
  ADD COLUMN carrier VARCHAR(32) CHARACTER SET ascii NULL,
  ADD KEY idx_orders_shipped (shipped_at),
  ALGORITHM=INPLACE, LOCK=NONE;
