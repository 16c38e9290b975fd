import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { finishBuild, getBuild, getVersion, systemPrincipal, type BuildView, type JobPayload, type VersionView } from "@flotilla/fleet";
import { buildManifestSchema, type BuildManifest, type Variant } from "@flotilla/protocol";
import type { z } from "zod";
import { canonicalJson } from "../canonical-json.ts";
import { JobFailure } from "../job-failure.ts";
import type { JobContext, JobDone } from "../ports.ts";
import type { CheckGoldenInput } from "../sandbox/check-golden.ts";
import { checkGoldenOutputSchema, goldenOutputSchema } from "../sandbox/child-schemas.ts";
import type { GoldenInput } from "../sandbox/golden.ts";
import { limitsFor } from "../sandbox/limits.ts";
import { runModel, sentence } from "../sandbox/run-model.ts";
import { stageFiles } from "../staged-files.ts";

const worker = systemPrincipal("worker");

/**
 * What a device's numbers may differ by: looser than float32 rounding across instruction sets (about 1e-5 on deep
 * networks), tighter than a wrong kernel. The same numbers as the runtime's defaults.
 */
const TOLERANCE = { relativeTolerance: 1e-3, absoluteTolerance: 1e-4 };

/**
 * Writes a build's golden sets and manifest into the store and makes the build ready. Its bytes depend on rows and on
 * what the model computes, not on when or how often it runs; a second run finds nothing to do.
 */
export async function writeBuild({ buildId }: JobPayload<"build">, context: JobContext): Promise<JobDone> {
  const build = await context.transact((tx) => getBuild(tx, worker, buildId));
  if (build.state !== "pending") return { result: { state: build.state } };
  const variants: Variant[] = [];
  for (const [index, chosen] of build.variants.entries()) {
    context.report({ progress: index / build.variants.length, progressText: `Golden set of ${chosen.modelName} v${chosen.number}` });
    const version = await context.transact((tx) => getVersion(tx, worker, chosen.versionId));
    variants.push(await variantOf(version, chosen.classes, join(context.workDir, `variant-${index}`), context));
  }
  context.report({ progress: 0.95, progressText: "Writing the manifest" });
  const manifest = manifestOf(build, variants);
  const ref = await context.store.put(canonicalJson(manifest));
  return {
    result: { state: "ready", manifestSha256: ref.sha256 },
    commit: async (tx) => {
      await finishBuild(tx, buildId, { manifest, ...ref });
    },
  };
}

function manifestOf(build: BuildView, variants: Variant[]): BuildManifest {
  const parsed = buildManifestSchema.safeParse({
    schema: "flotilla/build-manifest/1",
    buildId: build.id,
    name: build.name,
    createdAt: build.createdAt,
    settings: build.settings,
    variants,
  } satisfies BuildManifest);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new JobFailure("manifest_invalid", `The manifest cannot say this: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}.`);
}

async function variantOf(version: VersionView, classes: string[], directory: string, context: JobContext): Promise<Variant> {
  const { inspection } = version;
  if (version.state !== "ready" || inspection === null) throw new JobFailure("version_not_ready", `${version.modelName} v${version.number} is not ready any more.`);
  const golden = await context.store.put(await goldenSetOf(version, directory, context));
  return {
    versionId: version.id,
    modelName: version.modelName,
    versionNumber: version.number,
    classes,
    files: version.files.map(({ name, role, sha256, sizeBytes }) => ({ name, role, sha256, sizeBytes })),
    golden: { ...golden, ...TOLERANCE },
    inputs: inspection.inputs,
    outputs: inspection.outputs.filter(({ elementType }) => isTensor(elementType)),
    requiredMemoryBytes: inspection.peakMemoryBytes,
  };
}

/** Classical models also put out sequences and maps ("sequence(map(int64,float32))"), which no device can read. */
function isTensor(elementType: string): boolean {
  return !elementType.includes("(");
}

/** Made in one child and reproduced in another: a set that no second process can reproduce is of no use to devices. */
async function goldenSetOf(version: VersionView, directory: string, context: JobContext): Promise<Uint8Array> {
  const { modelPath, totalBytes } = await stageFiles(context.store, version.files, directory, context.signal);
  const title = `${version.modelName} v${version.number}`;
  const child = { limits: limitsFor(totalBytes), workDir: context.workDir, signal: context.signal };
  const made = await inSandbox<GoldenInput, z.infer<typeof goldenOutputSchema>>(goldenOutputSchema, {
    ...child,
    entry: new URL("../sandbox/golden.ts", import.meta.url),
    input: { modelPath },
    doing: () => `making the golden set of ${title}`,
  });
  const bytes = Buffer.from(made.base64, "base64");
  const goldenPath = join(directory, "golden-set");
  await writeFile(goldenPath, bytes, { flag: "wx" });
  const { difference } = await inSandbox<CheckGoldenInput, z.infer<typeof checkGoldenOutputSchema>>(checkGoldenOutputSchema, {
    ...child,
    entry: new URL("../sandbox/check-golden.ts", import.meta.url),
    input: { modelPath, goldenPath, ...TOLERANCE },
    doing: () => `checking the golden set of ${title}`,
  });
  if (difference === null) return bytes;
  throw new JobFailure(
    "not_reproducible",
    `${title} gives different results for the same input (output "${difference.output}": ${difference.reason}), so no device could prove that it computes the right ones.`,
  );
}

async function inSandbox<TIn, TOut>(schema: z.ZodType<TOut>, request: Parameters<typeof runModel<TIn, unknown>>[0]): Promise<TOut> {
  const run = await runModel<TIn, unknown>(request);
  if (run.kind === "refused") throw new JobFailure(run.code, sentence(run.reason));
  const parsed = schema.safeParse(run.output);
  if (!parsed.success) throw new JobFailure("sandbox_failed", sentence(`${request.doing()} gave something else`));
  return parsed.data;
}
