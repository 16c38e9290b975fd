-- CreateTable
CREATE TABLE "latency_late_hour" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "latency_late_hour_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "device_registry_version_idx" ON "device"("registry_version");

-- Rows that every sync writes again: room on their pages keeps those updates off the indexes (heap-only tuples).
ALTER TABLE "device_live" SET (fillfactor = 70);
ALTER TABLE "telemetry_watermark" SET (fillfactor = 70);
ALTER TABLE "latency_minute" SET (fillfactor = 70);
ALTER TABLE "device_latency" SET (fillfactor = 70);
