import { newId, type GraphSummary } from "@flotilla/fleet";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestWeb, type TestWeb } from "../testing/test-web.ts";

let web: TestWeb;
beforeAll(async () => {
  web = await startTestWeb();
});
afterAll(() => web.stop());

/** A chain of nodes without weights. */
function chain(operators: readonly string[], omittedNodes = 0): GraphSummary {
  const nodes = operators.map((opType, at) => ({ name: `${opType} ${at}`, opType, domain: "", block: "", outputShape: [1, 4], parameterCount: 0, parameterBytes: 0, attributes: {}, medianUs: null, layer: null }));
  return { inputs: [], outputs: [], nodes, edges: nodes.map((_, at) => ({ from: at - 1, to: at, value: `v${at}`, shape: null })), blocks: [], omittedNodes };
}

async function version(graph: GraphSummary | null): Promise<string> {
  const [modelId, id] = [newId("mdl"), newId("ver")];
  await web.db.prisma.model.create({ data: { id: modelId, name: modelId, createdById: web.people.operator.id } });
  await web.db.prisma.modelVersion.create({ data: { id, modelId, number: 1, state: "ready", sizeBytes: 1_000n, createdById: web.people.operator.id } });
  if (graph !== null) await web.db.prisma.versionGraph.create({ data: { versionId: id, graph } });
  return id;
}

test("a graph is told by how it differs from a baseline's, page by page and by kind", async () => {
  const [baseline, quantised] = [await version(chain(["Conv", "Relu", "Softmax"], 7)), await version(chain(["Conv", "QuantizeLinear", "DequantizeLinear", "Softmax"]))];
  const ask = async (query: string) => (await (await web.as("viewer")("GET", `/versions/${quantised}/graph/changes?baseline=${baseline}${query}`)).json()) as { changes: Record<string, unknown> };
  const { changes } = await ask("");
  expect(changes).toMatchObject({ counts: { same: 1, added: 2, removed: 1, changed: 1 }, omittedNodes: { baseline: 7, version: 0 }, nextAfter: null });
  expect(changes["items"]).toMatchObject([
    { kind: "added", before: null, after: { index: 1, opType: "QuantizeLinear" } }, { kind: "added", after: { index: 2 } }, { kind: "removed", before: { index: 1, name: "Relu 1" }, after: null },
    { kind: "changed", before: { index: 2 }, after: { index: 3 }, differences: [{ what: "name" }, { what: "reads", before: "Relu", after: "DequantizeLinear" }] },
  ]);
  expect((await ask("&limit=1")).changes).toMatchObject({ items: [{ after: { index: 1 } }], nextAfter: 0 });
  expect((await ask("&limit=1&after=2")).changes).toMatchObject({ items: [{ kind: "changed" }], nextAfter: null });
  expect((await ask("&kind=removed")).changes).toMatchObject({ items: [{ kind: "removed" }], counts: { added: 2 }, nextAfter: null });
});

test("without two graphs there is nothing to compare, and a baseline that is not there is not found", async () => {
  const [known, unknown] = [await version(chain(["Conv"])), await version(null)];
  const ask = (id: string, query: string) => web.as("viewer")("GET", `/versions/${id}/graph/changes${query}`);
  for (const [id, baseline] of [[known, unknown], [unknown, known]]) expect(await (await ask(id ?? "", `?baseline=${baseline}`)).json()).toEqual({ changes: null });
  expect((await ask(known, "?baseline=ver_none")).status).toBe(404);
  expect((await ask(known, "")).status).toBe(400);
});
