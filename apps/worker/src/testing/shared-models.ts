import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of real models, kept outside the repository. */
const SHARED = process.env["FLOTILLA_SHARED_DIR"] ?? fileURLToPath(new URL("../../../../../shared", import.meta.url));

/** Path of a real model, or the reason why a test has to do without it. */
export function sharedModel(file: string): { readonly path: string; readonly missing: string | null } {
  return sharedFile(join("models", file));
}

/** The same for any file of the folder. */
export function sharedFile(file: string): { readonly path: string; readonly missing: string | null } {
  const path = join(SHARED, file);
  return { path, missing: existsSync(path) ? null : `${path} is not here; FLOTILLA_SHARED_DIR can name the folder that has models/ and data/` };
}
