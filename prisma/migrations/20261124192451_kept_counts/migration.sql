-- CreateTable
CREATE TABLE "kept_count" (
    "key" TEXT NOT NULL,
    "value" JSONB NOT NULL,
    "counted_at" TIMESTAMPTZ(3) NOT NULL,
    "took_ms" INTEGER NOT NULL,

    CONSTRAINT "kept_count_pkey" PRIMARY KEY ("key")
);
