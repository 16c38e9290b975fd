import { createHash } from "node:crypto";
import type { FsSteps } from "../agent/disk.ts";
import { ModelFailure, type ModelFiles, type ModelPort } from "../agent/model.ts";

/** A model that is only bytes: longer than a few sectors, so that it can be torn. `works` false: loads, and every inference fails. */
export type ByteModel = { readonly name: string; readonly model: Uint8Array; readonly golden: Uint8Array; readonly works: boolean };

export function byteModel(name: string, options: { works?: boolean; golden?: string } = {}): ByteModel {
  const works = options.works ?? true;
  const filled = (text: string, size: number): Uint8Array => Buffer.from(text.repeat(Math.ceil(size / text.length)).slice(0, size));
  return { name, works, model: filled(`model ${name} ${works ? "works" : "fails"}\n`, 2_300), golden: filled(`golden ${options.golden ?? name}\n`, 900) };
}

/**
 * The port for models in memory, for tests that start thousands of agents: a model loads if and only if its bytes are one of `known`, read
 * through the disk the agent uses. `loaded` gets the digest of everything that was loaded, known or not.
 */
export function byteModels(known: readonly ByteModel[], steps: FsSteps, loaded: (sha256: string) => void = () => undefined): ModelPort {
  const byDigest = new Map(known.map((model) => [createHash("sha256").update(model.model).digest("hex"), model]));

  async function load(files: ModelFiles): Promise<ByteModel> {
    const sha256 = createHash("sha256").update(await steps.readFile(files.modelPath)).digest("hex");
    loaded(sha256);
    const model = byDigest.get(sha256);
    if (model === undefined) throw new ModelFailure("load", `no model has the bytes ${sha256}`);
    return model;
  }

  return {
    facts: () => Promise.reject(new Error("bytes have no runtime")),
    async probe(files) {
      const model = await load(files).catch((error: unknown) => String(error));
      if (typeof model === "string") return { kind: "refused", code: "load_failed", detail: model };
      const golden = Buffer.from(await steps.readFile(files.goldenPath)).toString();
      return golden.startsWith(`golden ${model.name}\n`) ? { kind: "passed", loadMs: 1, maxAbsError: 0 } : { kind: "refused", code: "probe_failed", detail: "not the golden set of this model" };
    },
    async open(files) {
      const model = await load(files);
      const infer = (): Promise<{ outputs: Record<string, never>; latencyMs: number }> =>
        model.works ? Promise.resolve({ outputs: {}, latencyMs: 1 }) : Promise.reject(new ModelFailure("run", "this model fails"));
      return { inputs: [], outputs: [], loadMs: 1, lost: new Promise(() => undefined), infer, step: infer, close: () => Promise.resolve() };
    },
    rssBytes: () => Promise.resolve(0),
    close: () => Promise.resolve(),
  };
}
