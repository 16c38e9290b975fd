-- CreateTable
CREATE TABLE "sign_in_attempt" (
    "key" TEXT NOT NULL,
    "attempts" INTEGER NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "sign_in_attempt_pkey" PRIMARY KEY ("key")
);

-- CreateIndex
CREATE INDEX "sign_in_attempt_ends_at_idx" ON "sign_in_attempt"("ends_at");

-- From now on a session's token is stored as SHA-256. Those that lie here plain may lie in copies of the database as well:
-- they end, and everybody signs in once more.
DELETE FROM "session";
