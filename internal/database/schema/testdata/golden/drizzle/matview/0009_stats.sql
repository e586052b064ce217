CREATE MATERIALIZED VIEW "public"."daily_stats" AS (select date_trunc('day', "created_at") as day, count(*) from "posts" group by 1);--> statement-breakpoint
DROP VIEW "public"."recent_posts";
