/** A model that cannot be brought to a newer operator set, with the node that stands in the way. */
export class OpsetRefusal extends Error {
  readonly code = "opset_unsupported";
  /** One sentence for people. */
  readonly reason: string;
  /** Name of the node, or of its first output when it has none; null when the versions themselves are at fault. */
  readonly node: string | null;
  readonly opType: string | null;

  constructor(reason: string, node: string | null = null, opType: string | null = null) {
    super(reason);
    this.name = "OpsetRefusal";
    this.reason = reason;
    this.node = node;
    this.opType = opType;
  }
}
