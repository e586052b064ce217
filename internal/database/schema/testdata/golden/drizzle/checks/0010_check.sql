ALTER TABLE "orders" ADD COLUMN "discount" integer;--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "discount_range" CHECK ("orders"."discount" BETWEEN 0 AND 100);--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "total_positive" CHECK ("orders"."total" > 0);
