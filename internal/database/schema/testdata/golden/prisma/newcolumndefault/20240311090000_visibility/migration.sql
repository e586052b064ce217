CREATE TYPE "Visibility" AS ENUM ('PRIVATE', 'LINK', 'PUBLIC');

ALTER TABLE "Album" ADD COLUMN "visibility" "Visibility" NOT NULL DEFAULT 'PRIVATE',
ADD COLUMN "views" INTEGER NOT NULL DEFAULT 0;

CREATE INDEX "Album_visibility_createdAt_idx" ON "Album"("visibility", "createdAt" DESC);
