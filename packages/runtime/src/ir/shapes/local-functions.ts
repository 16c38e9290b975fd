import type { OnnxAttribute, OnnxFunction, OnnxModel, OnnxNode } from "../types.ts";

/** Local functions by domain, name and overload. */
export type LocalFunctions = ReadonlyMap<string, OnnxFunction>;

export function functionKey(domain: string, name: string, overload: string): string {
  return JSON.stringify([domain, name, overload]);
}

export function localFunctions(model: OnnxModel): LocalFunctions {
  return new Map(model.functions.map((body) => [functionKey(body.domain, body.name, body.overload), body]));
}

/** The attributes a call gives a function: the node's own ones, else the defaults. */
export function callAttributes(body: OnnxFunction, node: OnnxNode): ReadonlyMap<string, OnnxAttribute> {
  return new Map([...body.attributeDefaults, ...node.attributes].map((attribute) => [attribute.name, attribute]));
}

/**
 * A node of a function body with the attributes it takes from the caller in their places; what the caller left out is left
 * out. A node without such attributes is returned as it is.
 */
export function withCallAttributes(node: OnnxNode, given: ReadonlyMap<string, OnnxAttribute>): OnnxNode {
  if (!node.attributes.some(({ type }) => type === "reference")) return node;
  const attributes = node.attributes.flatMap((attribute): OnnxAttribute[] => {
    if (attribute.type !== "reference") return [attribute];
    const value = given.get(attribute.value);
    return value === undefined ? [] : [{ ...value, name: attribute.name }];
  });
  return { ...node, attributes };
}
