/*
  Warnings:

  - You are about to drop the column `legacyId` on the `Post` table. All the data in the column will be lost.
  - You are about to drop the `Session` table. If the table is not empty, all the data it contains will be lost.

*/
-- DropForeignKey
ALTER TABLE `Session` DROP FOREIGN KEY `Session_userId_fkey`;

-- DropIndex
DROP INDEX `Post_legacyId_idx` ON `Post`;

-- AlterTable
ALTER TABLE `Post` DROP COLUMN `legacyId`,
    ADD COLUMN `publishedAt` DATETIME(3) NULL;

-- DropTable
DROP TABLE `Session`;
