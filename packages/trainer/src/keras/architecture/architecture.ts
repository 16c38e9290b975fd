import type { Json } from "../config-reader.ts";

/** One layer as the file describes it; its configuration is still unread. */
export type LayerEntry = {
  readonly name: string;
  readonly className: string;
  /** Its place in the list of its network counted among layers of the same class, which is how archives name weights. */
  readonly positionInClass: number;
  readonly config: Json;
};

/** The value that the application `node` of a layer gave. */
export type Port = { readonly layer: string; readonly node: number };

/** A layer put to use on values; a layer that is shared has several. */
export type Application = { readonly layer: LayerEntry; readonly node: number; readonly inputs: readonly Port[] };

/** A network: what comes in, what is done in an order in which each step finds its inputs, what goes out. */
export type Architecture = {
  readonly name: string;
  /** Null for an input of a nested network, whose shape its caller knows. */
  readonly inputs: readonly { readonly port: Port; readonly shape: readonly (number | null)[] | null; readonly elementType: string }[];
  readonly applications: readonly Application[];
  readonly outputs: readonly Port[];
};

export function portKey({ layer, node }: Port): string {
  return `${node} ${layer}`;
}
