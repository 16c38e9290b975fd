-- AlterTable
ALTER TABLE "device" ADD COLUMN     "has_synced" BOOLEAN NOT NULL DEFAULT false;

-- Which devices never synced took an anti-join over all of them. Bookkeeping like the counts of deployments (docs/adr/0010): whoever
-- writes or deletes last states cannot forget it. A batch of syncs inserts nothing, most of the time, and costs a look at an empty list.
CREATE FUNCTION "note_first_syncs"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF EXISTS (SELECT FROM "after") THEN
      UPDATE "device" SET "has_synced" = true FROM "after" WHERE "device"."id" = "after"."device_id" AND NOT "device"."has_synced";
    END IF;
  ELSE
    UPDATE "device" SET "has_synced" = false FROM "before" WHERE "device"."id" = "before"."device_id" AND "device"."has_synced";
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER "note_first_syncs" AFTER INSERT ON "device_live"
  REFERENCING NEW TABLE AS "after" FOR EACH STATEMENT EXECUTE FUNCTION "note_first_syncs"();
CREATE TRIGGER "note_forgotten_syncs" AFTER DELETE ON "device_live"
  REFERENCING OLD TABLE AS "before" FOR EACH STATEMENT EXECUTE FUNCTION "note_first_syncs"();

UPDATE "device" SET "has_synced" = true WHERE EXISTS (SELECT FROM "device_live" l WHERE l."device_id" = "device"."id");

CREATE INDEX "device_never_synced_idx" ON "device"("id") WHERE NOT "has_synced";
