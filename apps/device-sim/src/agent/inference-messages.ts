import type { RuntimeFacts, SessionSettings, Tensor, Tensors, TensorSpec } from "@flotilla/runtime";
import type { InputSpec, ModelFailureKind } from "./model.ts";

/** What the agent asks of the inference process. Requests are answered one by one, in order. */
export type HostRequest =
  | { readonly id: number; readonly kind: "facts" }
  | {
      readonly id: number; readonly kind: "open"; readonly session: number; readonly modelPath: string; readonly modelSha256: string;
      readonly settings: SessionSettings; readonly input: InputSpec; readonly share: boolean;
    }
  | { readonly id: number; readonly kind: "step"; readonly session: number }
  | { readonly id: number; readonly kind: "infer"; readonly session: number; readonly feeds: Tensors }
  | { readonly id: number; readonly kind: "close"; readonly session: number };

export type HostResult =
  | { readonly kind: "facts"; readonly facts: RuntimeFacts }
  | { readonly kind: "opened"; readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[]; readonly loadMs: number }
  | { readonly kind: "stepped"; readonly latencyMs: number }
  | { readonly kind: "inferred"; readonly latencyMs: number; readonly outputs: Record<string, Tensor> }
  | { readonly kind: "closed" };

export type HostAnswer =
  | { readonly id: number; readonly ok: true; readonly result: HostResult; readonly rssBytes: number }
  | { readonly id: number; readonly ok: false; readonly failure: ModelFailureKind; readonly detail: string; readonly rssBytes: number };
