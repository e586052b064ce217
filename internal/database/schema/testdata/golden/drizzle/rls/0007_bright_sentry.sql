ALTER TABLE "notes" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE POLICY "owner reads" ON "notes" AS PERMISSIVE FOR SELECT TO "authenticated" USING ((select auth.uid()) = user_id);
