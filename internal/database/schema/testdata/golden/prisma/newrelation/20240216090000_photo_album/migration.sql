-- AlterTable
ALTER TABLE "Photo" ADD COLUMN "coverOfId" TEXT;

-- AddForeignKey
ALTER TABLE "Photo" ADD CONSTRAINT "Photo_coverOfId_fkey" FOREIGN KEY ("coverOfId") REFERENCES "Album"("id") ON DELETE SET NULL ON UPDATE CASCADE;
