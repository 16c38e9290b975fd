/** Kinds of objects that audit rows name. */
export const objectKinds = ["person", "api_key", "enrollment_token", "sign_in_link", "upload", "model", "version", "job", "build", "device", "fleet", "rollout"] as const;

/** The page of an object that an audit row names; null when it has none. */
export function objectHref(kind: string, id: string): string | null {
  switch (kind) {
    case "model":
      return `/models/${id}`;
    case "version":
      return `/models/-/v/${id}`;
    case "job":
      return `/jobs/${id}`;
    case "build":
      return `/builds/${id}`;
    case "device":
      return `/devices/${id}`;
    case "rollout":
      return `/rollouts/${id}`;
    case "fleet":
      return "/fleets";
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
