/** Kinds of objects that audit rows name. */
export const objectKinds = [
  "person", "api_key", "enrollment_token", "sign_in_link", "upload", "model", "version", "dataset", "dataset_version", "training", "optimization", "job", "build", "device", "fleet", "rollout", "simulation",
] as const;

/** The page of an object that an audit row names; null when it has none. */
export function objectHref({ objectKind: kind, objectId: id }: { objectKind: string; objectId: string }): string | null {
  switch (kind) {
    case "model": case "dataset": case "training": case "job": case "build": case "device": case "rollout":
      return `/${kind}s/${id}`;
    case "version":
      return `/models/-/v/${id}`;
    case "dataset_version":
      return `/datasets/-/v/${id}`;
    case "fleet":
      return `/fleets?fleet=${id}`;
    case "simulation":
      return "/simulator";
    case "person":
      return "/settings/people";
    case "api_key":
      return "/settings/api-keys";
    case "enrollment_token":
      return "/settings/enrollment";
    default:
      return null;
  }
}
