CREATE SCHEMA IF NOT EXISTS "audit";

CREATE TABLE "audit"."Entry" (
    "id" BIGSERIAL NOT NULL,
    "actor" TEXT NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
    "payload" JSONB NOT NULL,

    CONSTRAINT "Entry_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "Entry_at_idx" ON "audit"."Entry" USING BRIN ("at");
