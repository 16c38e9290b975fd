/** Past tense of the verbs that are not regular enough to build. */
const VERBS: Record<string, string> = {
  create: "made", update: "changed", delete: "deleted", start: "started", pause: "paused", resume: "resumed", cancel: "cancelled", rollback: "rolled back", approve: "approved",
  revoke: "revoked", invite: "invited", disable: "disabled", enable: "enabled", retry: "retried", enrol: "enrolled", pin: "pinned", unpin: "unpinned", upload: "uploaded",
  complete: "completed", halt: "halted", supersede: "superseded", ready: "finished", fail: "could not finish", reject: "refused", enroll: "enrolled", class: "reported another class for",
  cancel_request: "asked to cancel", set_alias: "moved an alias of", remove_alias: "removed an alias of", key_change_requested: "came with another key:",
  set_role: "changed the role of", labels: "labelled", set_labels: "labelled", deny: "denied", finish: "finished", set_preprocessing: "set the preprocessing of", claim: "took over", deliver: "delivered",
  stop: "stopped", faults: "changed the faults of", failed: "could not go on with",
};
const NOUNS: Record<string, string> = { api_key: "API key", enrollment_token: "enrolment token", key_change: "key change of", user: "person", version: "model version", dataset_version: "dataset version", runner: "training" };

/** Actions that read better as a whole; `names` says whether their object is named after them. */
const PHRASES: Record<string, { text: string; names: boolean }> = {
  "session.sign_in": { text: "signed in", names: false }, "person.first_admin": { text: "made the first admin,", names: true },
};

/** "rollout.pause" → "paused rollout"; an unknown action is shown as it is. */
export function auditSentence(action: string): string {
  const phrase = PHRASES[action];
  if (phrase !== undefined) return phrase.text;
  const [noun = "", ...rest] = action.split(".");
  const verb = rest.at(-1) ?? "";
  const past = VERBS[verb];
  if (past === undefined) return action;
  const middle = rest.length > 1 ? rest.slice(0, -1).map(word).join(" ") : word(noun);
  return `${past} ${middle}`;
}

function word(name: string): string {
  return NOUNS[name] ?? name.replaceAll("_", " ");
}

/** Whether a change needs its object named after the sentence. */
export function namesObject(action: string): boolean {
  return PHRASES[action]?.names ?? true;
}
