-- CreateEnum
CREATE TYPE "training_state" AS ENUM ('pending', 'finished', 'failed');

-- AlterTable
ALTER TABLE "model_version" ADD COLUMN     "training_id" TEXT;

-- AlterTable
ALTER TABLE "dataset_version" ADD COLUMN     "templates" JSONB;

-- CreateTable
CREATE TABLE "training" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "dataset_version_id" TEXT NOT NULL,
    "start" JSONB NOT NULL,
    "parent_id" TEXT,
    "model_id" TEXT NOT NULL,
    "recipe" JSONB NOT NULL,
    "recipe_sha256" TEXT NOT NULL,
    "state" "training_state" NOT NULL DEFAULT 'pending',
    "failure" TEXT,
    "stop_requested_at" TIMESTAMPTZ(3),
    "reached" JSONB,
    "outcome" JSONB,
    "version_id" TEXT,
    "job_id" TEXT,
    "code_version" TEXT NOT NULL,
    "created_by_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "training_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "training_dataset_version_id_id_idx" ON "training"("dataset_version_id", "id");
