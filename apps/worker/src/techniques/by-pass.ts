import type { Technique } from "@flotilla/fleet";
import type { Pass } from "@flotilla/optimizer";
import { TechniqueRefusal, type Maker } from "./maker.ts";
import { groundwork } from "./simplified.ts";

/** A technique that is one pass over the simplified float model. Refused with the pass's own reason where it does not apply. */
export function byPass<T extends Technique>(passOf: (technique: T) => Pass): Maker<T> {
  return async (model, technique, context) => {
    const ground = await groundwork(model, context, "float");
    const pass = passOf(technique);
    const why = pass.appliesTo(ground.model, {});
    if (why !== null) throw new TechniqueRefusal(why);
    const changes = await pass.run(ground.model, {});
    if (changes.length === 0) throw new TechniqueRefusal("it found nothing to change");
    return { ...ground, passes: [...ground.passes, { name: pass.name, title: pass.title, changes: changes.length, effect: pass.expectedEffect }] };
  };
}
