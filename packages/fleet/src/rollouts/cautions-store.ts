import type { Sql } from "@flotilla/db";
import { selectVariant, type DeviceClass } from "@flotilla/protocol";
import type { MemberGroup } from "./members-store.ts";
import { devices } from "./sentences.ts";
import type { BuildRow } from "./store.ts";
import type { RolloutPreview } from "./types.ts";

/** x86 CPUs with one of these add products of 8-bit integers in 32 bits; those with none of them in 16, and clip. */
const EXACT_FLAGS = ["avx512_vnni", "avx_vnni", "amx_int8"];

/** Whether ONNX Runtime's kernels clip sums on such devices. A simulated device computes on the machine it is simulated on: of that nothing is known here. */
export function clipsSums({ arch, isa, executionProvider, simulated }: DeviceClass): boolean {
  return arch === "x64" && executionProvider === "cpu" && !simulated && !EXACT_FLAGS.some((flag) => isa.includes(flag));
}

/** What to know before the build goes to these devices: whose CPUs clip sums of the variant they take, by what was found when it was made. */
export async function cautionsOf(sql: Sql, build: BuildRow, eligible: readonly MemberGroup[]): Promise<RolloutPreview["cautions"]> {
  const takers = eligible.flatMap(({ className, deviceClass, devices: count }) => {
    const choice = clipsSums(deviceClass) ? selectVariant(build.manifest, deviceClass) : null;
    return choice?.kind === "variant" ? [{ className, count, variant: choice.variant }] : [];
  });
  if (takers.length === 0) return [];
  const rows = await sql.query<{ version_id: string }>(
    "select version_id from version_report where version_id = any($1::text[]) and (report #>> '{saturation,saturatedNodes}')::int > 0",
    [[...new Set(takers.map(({ variant }) => variant.versionId))]],
  );
  const saturating = new Set(rows.map((row) => row.version_id));
  const groups = Map.groupBy(takers.filter(({ variant }) => saturating.has(variant.versionId)), ({ className, variant }) => `${className} ${variant.versionId}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    const count = group.reduce((total, taker) => total + taker.count, 0);
    if (first === undefined) return [];
    const sentence =
      `${devices(count)} of class ${first.className} ${count === 1 ? "takes" : "take"} ${first.variant.modelName} v${first.variant.versionNumber}, sums of which are clipped on x86 CPUs without VNNI: there it answers ` +
      "otherwise than on CPUs with VNNI or ARM, and whichever kind did not make the build's golden set is likely to refuse it. A variant with weights in 7 bits has none of this.";
    return [{ devices: count, sentence }];
  });
}
