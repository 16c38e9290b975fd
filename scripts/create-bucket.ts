import { setTimeout as delay } from "node:timers/promises";
import { artifactStoreSettings, createArtifactBucket } from "@flotilla/fleet";
import { z } from "zod";

// Makes the bucket that ARTIFACT_STORE names, where there is none yet. The store may still be starting.
const TRY_FOR_MS = 60_000;
const TRY_EVERY_MS = 1_000;

const settings = z.object(artifactStoreSettings).safeParse(Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== "")));
if (!settings.success) {
  console.error(z.prettifyError(settings.error));
  process.exit(2);
}
for (const untilMs = performance.now() + TRY_FOR_MS; ; ) {
  try {
    console.log((await createArtifactBucket(settings.data)) === "created" ? "The bucket was made." : "Nothing to do.");
    break;
  } catch (error) {
    if (performance.now() > untilMs) {
      console.error(`The store does not take a bucket: ${(error as Error).message}`);
      process.exit(1);
    }
    await delay(TRY_EVERY_MS);
  }
}
