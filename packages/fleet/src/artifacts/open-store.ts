import { z } from "zod";
import type { ArtifactStore } from "./artifact-store.ts";
import { directoryStore } from "./directory-store.ts";
import type { S3Location } from "./s3-objects.ts";

/** Settings of the artifact store, for the env schemas of the programs that open it. */
export const artifactStoreSettings = {
  /** A directory, or `s3://bucket/prefix`. */
  ARTIFACT_STORE: z
    .string({ error: "must name the artifact store: a directory, or s3://bucket/prefix" })
    .min(1)
    .refine((text) => !text.startsWith("s3:") || bucketOf(text) !== null, "must look like s3://bucket or s3://bucket/prefix"),
  /** Another store than AWS, e.g. http://s3:9000. Credentials come from the SDK's own variables. */
  S3_ENDPOINT: z.url({ protocol: /^https?$/, error: "must be an http(s) URL" }).optional(),
  /** Where devices reach that store, when it is another address. */
  S3_PUBLIC_ENDPOINT: z.url({ protocol: /^https?$/, error: "must be an http(s) URL" }).optional(),
  S3_REGION: z.string().min(1).default("us-east-1"),
  /** `true` for stores that have no name of its own for each bucket: most of those that one runs oneself. */
  S3_FORCE_PATH_STYLE: z.enum(["true", "false"]).default("false"),
  /** How devices get bytes out of S3: from the store by a short-lived link, or through the gateway. */
  ARTIFACT_DOWNLOADS: z.enum(["redirect", "stream"]).default("redirect"),
} as const;

export type ArtifactStoreSettings = z.infer<z.ZodObject<typeof artifactStoreSettings>>;

/** Opens the store that the settings name. Connects to nothing yet. The AWS SDK is only loaded where it is used. */
export async function openArtifactStore(settings: ArtifactStoreSettings): Promise<ArtifactStore> {
  const place = bucketOf(settings.ARTIFACT_STORE);
  if (place === null) return directoryStore(settings.ARTIFACT_STORE);
  const { s3Store } = await import("./s3-store.ts");
  return s3Store({ ...locationOf(place.bucket, settings), prefix: place.prefix, downloads: settings.ARTIFACT_DOWNLOADS });
}

/** Makes the bucket of an `s3://` store where there is none; nothing for a directory, which is made when it is first written to. */
export async function createArtifactBucket(settings: ArtifactStoreSettings): Promise<"created" | "exists"> {
  const place = bucketOf(settings.ARTIFACT_STORE);
  if (place === null) return "exists";
  const { s3Objects } = await import("./s3-objects.ts");
  const objects = s3Objects(locationOf(place.bucket, settings));
  try {
    return await objects.create();
  } finally {
    objects.close();
  }
}

function locationOf(bucket: string, settings: ArtifactStoreSettings): S3Location {
  return { bucket, region: settings.S3_REGION, endpoint: settings.S3_ENDPOINT, publicEndpoint: settings.S3_PUBLIC_ENDPOINT, forcePathStyle: settings.S3_FORCE_PATH_STYLE === "true" };
}

/** Bucket and prefix of an `s3://` location; null for anything else. */
function bucketOf(location: string): { bucket: string; prefix: string } | null {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([A-Za-z0-9_.\-/]*))?$/.exec(location);
  if (match?.[1] === undefined) return null;
  const prefix = (match[2] ?? "").replaceAll(/^\/+|\/+$/g, "");
  return { bucket: match[1], prefix: prefix === "" ? "" : `${prefix}/` };
}
