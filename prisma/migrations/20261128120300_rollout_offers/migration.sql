-- CreateTable
CREATE TABLE "rollout_offer" (
    "id" BIGSERIAL NOT NULL,
    "rollout_id" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "devices" INTEGER NOT NULL,

    CONSTRAINT "rollout_offer_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "rollout_offer_rollout_id_at_idx" ON "rollout_offer"("rollout_id", "at");

-- Offers of the last minute were counted by this index: 90,000 rows for each view of a rollout whose last wave had just been offered. One index less
-- for each of these offers to be written to, too.
DROP INDEX "deployment_offered_idx";
