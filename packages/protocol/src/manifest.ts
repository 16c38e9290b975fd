import { z } from "zod";
import { labelValueSchema, type DeviceClass } from "./device-class.ts";

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, "a SHA-256 has 64 lower-case hex digits");
/** Name of a file inside a build, safe on every file system. */
export const fileNameSchema = z.string().regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/, "a file name has letters, digits, '.', '_' or '-'");

export const artifactRefSchema = z.object({ sha256: sha256Schema, sizeBytes: z.number().int().positive() });
export type ArtifactRef = z.infer<typeof artifactRefSchema>;

/** Runtime settings of a build. */
export const buildSettingsSchema = z.object({
  /** Threads inside one operator; 1 by default because shared devices stall with more. */
  intraOpThreads: z.number().int().min(1).max(64).default(1),
  executionProviders: z.array(z.enum(["cpu", "cuda", "coreml", "dml", "qnn", "xnnpack"])).min(1).max(4).default(["cpu"]),
});
export type BuildSettings = z.infer<typeof buildSettingsSchema>;

export const tensorSpecSchema = z.object({
  name: z.string().max(1024),
  elementType: z.string().max(32),
  shape: z.array(z.union([z.number().int(), z.string().max(256)])).max(16),
});
export type TensorSpec = z.infer<typeof tensorSpecSchema>;

/** One model version inside a build, with all that a device needs to check and run it. */
export const variantSchema = z.object({
  versionId: z.string().max(64),
  modelName: z.string().max(128),
  versionNumber: z.number().int().positive(),
  /** Device classes that take this variant; empty means any that meets the requirements. */
  classes: z.array(labelValueSchema).max(64),
  /** The first file with role "model" is opened; the others lie beside it under their names. */
  files: z
    .array(artifactRefSchema.extend({ name: fileNameSchema, role: z.enum(["model", "external_data"]) }))
    .min(1)
    .max(64),
  /** Inputs and expected outputs that the device must reproduce before it switches. */
  golden: artifactRefSchema.extend({ relativeTolerance: z.number().positive(), absoluteTolerance: z.number().nonnegative() }),
  inputs: z.array(tensorSpecSchema).max(64),
  outputs: z.array(tensorSpecSchema).max(64),
  /** Peak memory of the process that measured it; a device with less does not take the variant. */
  requiredMemoryBytes: z.number().int().nonnegative(),
});
export type Variant = z.infer<typeof variantSchema>;

/** The document that a build is. Its bytes are an artifact; their SHA-256 names the build on devices. */
export const buildManifestSchema = z.object({
  schema: z.literal("flotilla/build-manifest/1"),
  buildId: z.string().max(64),
  name: z.string().max(128),
  createdAt: z.string().max(40),
  settings: buildSettingsSchema,
  variants: z.array(variantSchema).min(1).max(16),
});
export type BuildManifest = z.infer<typeof buildManifestSchema>;

/** Why a device cannot take a build. */
export type VariantRefusal = { kind: "no_variant"; reason: "class" | "memory" | "execution_provider"; sentence: string };

/**
 * The variant a device takes: the first, in the build's order, whose classes and requirements fit.
 * Server (before a rollout) and device (before an install) decide by this same function.
 */
export function selectVariant(
  manifest: Pick<BuildManifest, "variants" | "settings">,
  device: DeviceClass,
): { kind: "variant"; variant: Variant } | VariantRefusal {
  const forClass = manifest.variants.filter((v) => v.classes.length === 0 || v.classes.includes(device.name));
  if (forClass.length === 0) {
    return { kind: "no_variant", reason: "class", sentence: `no variant is meant for device class ${device.name}` };
  }
  if (!(manifest.settings.executionProviders as readonly string[]).includes(device.executionProvider)) {
    return { kind: "no_variant", reason: "execution_provider", sentence: `the build needs ${manifest.settings.executionProviders.join(" or ")}, the device has ${device.executionProvider}` };
  }
  const variant = forClass.find((v) => v.requiredMemoryBytes <= device.memoryBytes);
  if (variant === undefined) {
    const least = Math.min(...forClass.map((v) => v.requiredMemoryBytes));
    return { kind: "no_variant", reason: "memory", sentence: `needs ${Math.ceil(least / 2 ** 20)} MiB of memory, the device has ${Math.floor(device.memoryBytes / 2 ** 20)} MiB` };
  }
  return { kind: "variant", variant };
}

/** The digest a device attests as its running model: that of the variant's model file. */
export function modelFileOf(variant: Variant): Variant["files"][number] {
  const file = variant.files.find((f) => f.role === "model");
  if (file === undefined) throw new Error(`variant ${variant.versionId} has no model file`);
  return file;
}
