-- DropIndex
DROP INDEX "deployment_rollout_id_state_idx";

-- AlterTable
-- Generated: nobody who writes a class can forget it.
ALTER TABLE "device" ADD COLUMN     "class_key" TEXT GENERATED ALWAYS AS (md5("class"::text)) STORED;

-- AlterTable
ALTER TABLE "rollout" ADD COLUMN     "members_through" BIGINT NOT NULL DEFAULT -1;

-- AlterTable
ALTER TABLE "wave" ADD COLUMN     "last_offer_at" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "deployment_count" (
    "rollout_id" TEXT NOT NULL,
    "direction" "deployment_direction" NOT NULL,
    "wave_position" INTEGER NOT NULL,
    "class_name" TEXT NOT NULL,
    "state" "deployment_state" NOT NULL,
    "n" INTEGER NOT NULL,

    CONSTRAINT "deployment_count_pkey" PRIMARY KEY ("rollout_id","direction","wave_position","class_name","state")
);

-- CreateTable
CREATE TABLE "deployment_count_change" (
    "id" BIGSERIAL NOT NULL,
    "rollout_id" TEXT NOT NULL,
    "direction" "deployment_direction" NOT NULL,
    "wave_position" INTEGER NOT NULL,
    "class_name" TEXT NOT NULL,
    "state" "deployment_state" NOT NULL,
    "n" INTEGER NOT NULL,

    CONSTRAINT "deployment_count_change_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "device_class_key_idx" ON "device"("class_key");

-- CreateIndex
CREATE INDEX "device_live_running_build_id_idx" ON "device_live"("running_build_id");

-- CreateIndex
CREATE INDEX "deployment_rollout_id_id_idx" ON "deployment"("rollout_id", "id");

-- CreateIndex
CREATE INDEX "deployment_rollout_id_state_id_idx" ON "deployment"("rollout_id", "state", "id");

-- Revoked devices are few and looked for with each evaluation; offers of the last minute are shown on each rollout's page.
CREATE INDEX "device_revoked_idx" ON "device"("id") WHERE "state" = 'revoked';
CREATE INDEX "deployment_offered_idx" ON "deployment"("rollout_id", "offered_at") WHERE "offered_at" IS NOT NULL;

UPDATE "wave" SET "last_offer_at" = (SELECT max("offered_at") FROM "deployment" d
  WHERE d."rollout_id" = "wave"."rollout_id" AND d."wave_position" = "wave"."position" AND d."direction" = 'forward');

-- Counts of deployments. Thirteen statements write states of deployments; one that forgot to count would make a rollout
-- blind, so the database counts. What changed is inserted, never updated: writers do not wait for each other.
CREATE FUNCTION "count_deployments"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO "deployment_count_change" ("rollout_id", "direction", "wave_position", "class_name", "state", "n")
    SELECT "rollout_id", "direction", "wave_position", "class_name", "state", count(*) FROM "after" GROUP BY 1, 2, 3, 4, 5;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO "deployment_count_change" ("rollout_id", "direction", "wave_position", "class_name", "state", "n")
    SELECT "rollout_id", "direction", "wave_position", "class_name", "state", -count(*) FROM "before" GROUP BY 1, 2, 3, 4, 5;
  ELSE
    INSERT INTO "deployment_count_change" ("rollout_id", "direction", "wave_position", "class_name", "state", "n")
    SELECT "rollout_id", "direction", "wave_position", "class_name", "state", sum("n")
      FROM (SELECT "rollout_id", "direction", "wave_position", "class_name", "state", 1 AS "n" FROM "after"
            UNION ALL
            SELECT "rollout_id", "direction", "wave_position", "class_name", "state", -1 FROM "before") moved
     GROUP BY 1, 2, 3, 4, 5 HAVING sum("n") <> 0;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER "count_inserted_deployments" AFTER INSERT ON "deployment"
  REFERENCING NEW TABLE AS "after" FOR EACH STATEMENT EXECUTE FUNCTION "count_deployments"();
CREATE TRIGGER "count_updated_deployments" AFTER UPDATE ON "deployment"
  REFERENCING OLD TABLE AS "before" NEW TABLE AS "after" FOR EACH STATEMENT EXECUTE FUNCTION "count_deployments"();
CREATE TRIGGER "count_deleted_deployments" AFTER DELETE ON "deployment"
  REFERENCING OLD TABLE AS "before" FOR EACH STATEMENT EXECUTE FUNCTION "count_deployments"();

INSERT INTO "deployment_count" ("rollout_id", "direction", "wave_position", "class_name", "state", "n")
SELECT "rollout_id", "direction", "wave_position", "class_name", "state", count(*) FROM "deployment" GROUP BY 1, 2, 3, 4, 5;
