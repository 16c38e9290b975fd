-- CreateEnum
CREATE TYPE "simulation_wish" AS ENUM ('running', 'stopped');

-- CreateEnum
CREATE TYPE "simulation_state" AS ENUM ('waiting', 'starting', 'running', 'stopping', 'stopped', 'failed');

-- CreateTable
CREATE TABLE "simulation" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "scenario" TEXT NOT NULL,
    "devices" INTEGER NOT NULL,
    "seed" INTEGER NOT NULL,
    "wanted" "simulation_wish" NOT NULL DEFAULT 'running',
    "faults" JSONB NOT NULL DEFAULT '{}',
    "state" "simulation_state" NOT NULL DEFAULT 'waiting',
    "problem" TEXT,
    "numbers" JSONB,
    "runner_id" TEXT,
    "heartbeat_at" TIMESTAMPTZ(3),
    "started_at" TIMESTAMPTZ(3),
    "created_by_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "simulation_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "simulation_runner" (
    "id" TEXT NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "simulation_runner_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "simulation_name_key" ON "simulation"("name");

-- CreateIndex
CREATE INDEX "simulation_wanted_idx" ON "simulation"("wanted");
