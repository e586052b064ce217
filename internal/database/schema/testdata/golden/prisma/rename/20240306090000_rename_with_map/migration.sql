-- Renamed by hand: Prisma would have dropped and added it.
ALTER TABLE "User" RENAME COLUMN "fullName" TO "displayName";
