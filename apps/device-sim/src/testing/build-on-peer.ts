import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modelFileOf, type BuildManifest, type Target, type Variant } from "@flotilla/protocol";
import { makeGoldenSet, openModel } from "@flotilla/runtime";
import type { GatewayPeer } from "./gateway-peer.ts";

/** The golden set of a model, made the way the worker makes it. */
export async function goldenOf(model: Uint8Array): Promise<Uint8Array> {
  const dir = await mkdtemp(join(tmpdir(), "flotilla-golden-"));
  try {
    const path = join(dir, "model.onnx");
    await writeFile(path, model);
    const open = await openModel(path);
    try {
      return await makeGoldenSet(open);
    } finally {
      await open.close();
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

export type PeerBuild = NonNullable<Target["build"]> & { readonly modelSha256: string; readonly versionId: string };

/** Puts a build of one model on the peer. `change` may spoil the manifest. */
export function publishBuild(peer: GatewayPeer, name: string, parts: { model: Uint8Array; golden: Uint8Array }, change: (manifest: BuildManifest) => BuildManifest = (m) => m): PeerBuild {
  const variant: Variant = {
    versionId: `version-of-${name}`,
    modelName: "digit-reader",
    versionNumber: 1,
    classes: [],
    files: [{ ...peer.addArtifact(parts.model), name: "model.onnx", role: "model" }],
    golden: { ...peer.addArtifact(parts.golden), relativeTolerance: 1e-3, absoluteTolerance: 1e-4 },
    inputs: [{ name: "image", elementType: "float32", shape: ["batch", 1, 28, 28] }],
    outputs: [{ name: "scores", elementType: "float32", shape: ["batch", 10] }],
    requiredMemoryBytes: 64 * 2 ** 20,
  };
  const manifest = change({
    schema: "flotilla/build-manifest/1",
    buildId: `build-${name}`,
    name,
    createdAt: "2026-11-24T12:00:00.000Z",
    settings: { intraOpThreads: 1, executionProviders: ["cpu"] },
    variants: [variant],
  });
  const ref = peer.addArtifact(Buffer.from(JSON.stringify(manifest)));
  return { buildId: `build-${name}`, name, manifest: ref, modelSha256: modelFileOf(variant).sha256, versionId: variant.versionId };
}

/** A target for that build. */
export function targetFor(build: PeerBuild | null, targetVersion: number, overrides: Partial<Target> = {}): Target {
  return {
    targetVersion,
    deploymentId: `deployment-${targetVersion}`,
    build: build === null ? null : { buildId: build.buildId, name: build.name, manifest: build.manifest },
    maxAttempts: 3,
    attemptTimeoutMs: 60_000,
    ...overrides,
  };
}
