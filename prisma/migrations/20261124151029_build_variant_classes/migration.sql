-- AlterTable
ALTER TABLE "build_variant" ADD COLUMN     "classes" TEXT[] DEFAULT ARRAY[]::TEXT[];
