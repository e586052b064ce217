-- AlterTable
ALTER TABLE "Album" ADD COLUMN "slug" TEXT;

-- Backfill
UPDATE "Album" SET "slug" = lower(regexp_replace("title", '[^a-zA-Z0-9]+', '-', 'g'));

ALTER TABLE "Album" ALTER COLUMN "slug" SET NOT NULL;

-- CreateIndex
CREATE UNIQUE INDEX "Album_slug_key" ON "Album"("slug");
