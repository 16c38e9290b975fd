-- CreateEnum
CREATE TYPE "dataset_version_state" AS ENUM ('importing', 'ready', 'rejected');

-- CreateEnum
CREATE TYPE "optimization_state" AS ENUM ('pending', 'finished', 'failed');

-- AlterTable
ALTER TABLE "model_version" ADD COLUMN     "not_offered_reason" TEXT,
ADD COLUMN     "offered" BOOLEAN NOT NULL DEFAULT true,
ADD COLUMN     "optimization_id" TEXT,
ADD COLUMN     "preprocessing" JSONB,
ADD COLUMN     "recipe" JSONB,
ADD COLUMN     "recipe_sha256" TEXT,
ADD COLUMN     "tool_versions" JSONB,
ADD COLUMN     "variant_kind" TEXT,
ADD COLUMN     "variant_label" TEXT;

-- CreateTable
CREATE TABLE "version_report" (
    "version_id" TEXT NOT NULL,
    "report" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "version_report_pkey" PRIMARY KEY ("version_id")
);

-- CreateTable
CREATE TABLE "version_graph" (
    "version_id" TEXT NOT NULL,
    "graph" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "version_graph_pkey" PRIMARY KEY ("version_id")
);

-- CreateTable
CREATE TABLE "dataset" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "created_by_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "next_number" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "dataset_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "dataset_version" (
    "id" TEXT NOT NULL,
    "dataset_id" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "state" "dataset_version_state" NOT NULL DEFAULT 'importing',
    "reject_code" TEXT,
    "reject_reason" TEXT,
    "options" JSONB NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "summary" JSONB,
    "preview" JSONB,
    "artifact_sha256" TEXT,
    "artifact_bytes" BIGINT,
    "import_job_id" TEXT,
    "created_by_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "decided_at" TIMESTAMPTZ(3),

    CONSTRAINT "dataset_version_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "dataset_file" (
    "dataset_version_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "size_bytes" BIGINT NOT NULL,

    CONSTRAINT "dataset_file_pkey" PRIMARY KEY ("dataset_version_id","name")
);

-- CreateTable
CREATE TABLE "optimization" (
    "id" TEXT NOT NULL,
    "version_id" TEXT NOT NULL,
    "dataset_version_id" TEXT,
    "state" "optimization_state" NOT NULL DEFAULT 'pending',
    "failure" TEXT,
    "recipe" JSONB NOT NULL,
    "recipe_sha256" TEXT NOT NULL,
    "goal" JSONB NOT NULL,
    "sentence" TEXT,
    "tool_versions" JSONB,
    "job_id" TEXT,
    "created_by_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "optimization_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "optimization_result" (
    "optimization_id" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "label" TEXT NOT NULL,
    "verdict" TEXT NOT NULL,
    "sentence" TEXT NOT NULL,
    "version_id" TEXT,

    CONSTRAINT "optimization_result_pkey" PRIMARY KEY ("optimization_id","position")
);

-- CreateTable
CREATE TABLE "evaluation" (
    "version_id" TEXT NOT NULL,
    "dataset_version_id" TEXT NOT NULL,
    "split" TEXT NOT NULL,
    "job_id" TEXT NOT NULL,
    "numbers" JSONB NOT NULL,
    "predicted" BYTEA,
    "correct" BYTEA,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "evaluation_pkey" PRIMARY KEY ("version_id","dataset_version_id","split")
);

-- CreateTable
CREATE TABLE "measurement" (
    "id" BIGSERIAL NOT NULL,
    "version_id" TEXT NOT NULL,
    "job_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "machine_id" TEXT NOT NULL,
    "numbers" JSONB NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "measurement_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "job_step" (
    "job_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "result" JSONB NOT NULL,
    "artifact_sha256" TEXT,
    "artifact_bytes" BIGINT,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "job_step_pkey" PRIMARY KEY ("job_id","name")
);

-- CreateIndex
CREATE UNIQUE INDEX "dataset_name_key" ON "dataset"("name");

-- CreateIndex
CREATE UNIQUE INDEX "dataset_version_dataset_id_number_key" ON "dataset_version"("dataset_id", "number");

-- CreateIndex
CREATE INDEX "optimization_version_id_id_idx" ON "optimization"("version_id", "id");

-- CreateIndex
CREATE INDEX "measurement_version_id_id_idx" ON "measurement"("version_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "measurement_job_id_version_id_mode_key" ON "measurement"("job_id", "version_id", "mode");

-- CreateIndex
CREATE INDEX "model_version_parent_id_idx" ON "model_version"("parent_id");

-- CreateIndex
CREATE INDEX "model_version_optimization_id_idx" ON "model_version"("optimization_id");

-- AddForeignKey
ALTER TABLE "dataset_version" ADD CONSTRAINT "dataset_version_dataset_id_fkey" FOREIGN KEY ("dataset_id") REFERENCES "dataset"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "dataset_file" ADD CONSTRAINT "dataset_file_dataset_version_id_fkey" FOREIGN KEY ("dataset_version_id") REFERENCES "dataset_version"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "optimization_result" ADD CONSTRAINT "optimization_result_optimization_id_fkey" FOREIGN KEY ("optimization_id") REFERENCES "optimization"("id") ON DELETE CASCADE ON UPDATE CASCADE;
