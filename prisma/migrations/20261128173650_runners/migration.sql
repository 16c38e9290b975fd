-- AlterTable
ALTER TABLE "training" ADD COLUMN     "delivered" JSONB;

-- AlterTable
ALTER TABLE "job" ADD COLUMN     "outside" BOOLEAN NOT NULL DEFAULT false;
