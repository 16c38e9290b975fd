-- CreateIndex
CREATE INDEX "latency_minute_fleet_id_build_id_class_name_at_idx" ON "latency_minute"("fleet_id", "build_id", "class_name", "at");
