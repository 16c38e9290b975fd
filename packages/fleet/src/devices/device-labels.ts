import { FleetError, labelValueSchema, labelsSchema, type DeviceClass, type Labels } from "@flotilla/protocol";

/** Labels that say what the device states of itself; people and tokens cannot change them. */
const STATED_KEYS = ["class", "arch"] as const;

/**
 * The labels of a device: those it was given (`base` first, later ones win), and "class" and "arch" from its class.
 * Throws `bad_request` when they are too many or malformed.
 */
export function labelsOf(deviceClass: DeviceClass, ...given: readonly Labels[]): Labels {
  const labels: Labels = Object.assign({}, ...given);
  for (const key of STATED_KEYS) delete labels[key];
  labels["class"] = deviceClass.name;
  if (labelValueSchema.safeParse(deviceClass.arch).success) labels["arch"] = deviceClass.arch;
  const checked = labelsSchema.safeParse(labels);
  if (!checked.success) throw new FleetError("bad_request", { public: `Labels: ${checked.error.issues[0]?.message ?? "not valid"}.` });
  return checked.data;
}
