import { openModel } from "../backend.ts";
import { zeroFeeds } from "../feeds.ts";
import { sandboxMain } from "../sandbox-child.ts";

/** How far a child came: it has dealt with the files below `at`, counted from its start. */
export type OpenManyProgress = { readonly at: number; readonly ran: number; readonly refused: number };

/**
 * Opens and runs one model after the other and says before each how far it is, so that after a crash the parent knows the
 * culprit and can go on behind it.
 */
sandboxMain<{ readonly paths: readonly string[]; readonly from: number }, OpenManyProgress>(async ({ paths, from }, { progress }) => {
  let ran = 0;
  let refused = 0;
  for (let at = from; at < paths.length; at += 1) {
    // A turn of the event loop lets the message leave before native code blocks.
    await new Promise<void>((resolve) => {
      progress({ at, ran, refused } satisfies OpenManyProgress);
      setImmediate(resolve);
    });
    try {
      const model = await openModel(paths[at] ?? "");
      await model.run(zeroFeeds(model.inputs));
      await model.close();
      ran += 1;
    } catch {
      refused += 1;
    }
  }
  return { at: paths.length, ran, refused };
});
