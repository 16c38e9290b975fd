import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { PrismaPg } from "@prisma/adapter-pg";
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  DriverAdapterError,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
} from "@prisma/driver-adapter-utils";
import type { SchemaEngine } from "@prisma/schema-engine-wasm";
import type pg from "pg";

type WasmExports = { __wbindgen_start(): void };
type EngineModule = { SchemaEngine: typeof SchemaEngine; __wbg_set_wasm(exports: WasmExports): void };

// The part of WebAssembly used here; its types come only with the browser's.
declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: Record<string, unknown>): Promise<{ instance: { exports: WasmExports } }>;
};

let loaded: Promise<EngineModule> | undefined;

/**
 * Prisma's schema engine as WebAssembly. Its own entry file imports the .wasm as a module, which Node does not do
 * without a flag, so it is instantiated here. (The native engine would be a download from outside the registry.)
 */
function loadEngineModule(): Promise<EngineModule> {
  return (loaded ??= (async () => {
    const folder = dirname(createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm"));
    const glue = (await import(pathToFileURL(join(folder, "schema_engine_bg.js")).href)) as EngineModule;
    const binary = await readFile(join(folder, "schema_engine_bg.wasm"));
    const { instance } = await WebAssembly.instantiate(binary, { "./schema_engine_bg.js": withIdleTimers(glue) });
    glue.__wbg_set_wasm(instance.exports);
    instance.exports.__wbindgen_start();
    return glue;
  })());
}

/** The engine leaves a timer of ten seconds behind (its patience for the lock); it must not keep the process alive. */
function withIdleTimers(glue: EngineModule): Record<string, unknown> {
  const imports: Record<string, unknown> = { ...glue };
  for (const [name, start] of Object.entries(imports)) {
    if (!name.startsWith("__wbg_setTimeout_") || typeof start !== "function") continue;
    imports[name] = (...args: unknown[]): unknown => {
      const timer: unknown = start(...args);
      if (typeof timer === "object" && timer !== null && "unref" in timer) (timer as NodeJS.Timeout).unref();
      return timer;
    };
  }
  return imports;
}

/** Runs `fn` with an engine that talks to the database of `pool`, or to none. The pool stays open. */
export async function withSchemaEngine<T>(pool: pg.Pool | "no_database", fn: (engine: SchemaEngine) => Promise<T>): Promise<T> {
  const { SchemaEngine } = await loadEngineModule();
  const driver = pool === "no_database" ? noDatabase() : wholeScripts(new PrismaPg(pool));
  const engine = await SchemaEngine.new({ datamodels: undefined }, () => undefined, bindMigrationAwareSqlAdapterFactory(driver));
  try {
    return await fn(engine);
  } finally {
    engine.free();
  }
}

/**
 * The adapter cuts scripts at every ";" (also inside comments and function bodies) and sends the pieces over several
 * connections. Sent whole, PostgreSQL parses the script itself and runs it as one transaction, as the native engine does.
 */
function wholeScripts(factory: PrismaPg): SqlMigrationAwareDriverAdapterFactory {
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    async connect() {
      const adapter = await factory.connect();
      adapter.executeScript = async (script) => {
        try {
          await adapter.underlyingDriver().query(script);
        } catch (error) {
          throw asServerError(error as Error & Partial<pg.DatabaseError>);
        }
      };
      return adapter;
    },
    connectToShadowDb: () => factory.connectToShadowDb(),
  };
}

/** The engine replaces errors whose code it knows by shorter words; without a code it passes the server's own on. */
function asServerError({ code, severity, message, detail, column, hint }: Error & Partial<pg.DatabaseError>): DriverAdapterError {
  const text = code ? `${message} (${code})` : message;
  return new DriverAdapterError({ kind: "postgres", code: "N/A", severity: severity ?? "ERROR", message: text, detail, column, hint });
}

/**
 * Comparing two schemas needs no database, yet the engine asks one for its version and whether "public" exists.
 * This driver answers that question (with the oldest version we support) and refuses everything else.
 */
function noDatabase(): SqlMigrationAwareDriverAdapterFactory {
  const refuse = async (): Promise<never> => {
    throw new Error("The schema engine asked for a database while comparing two schemas.");
  };
  const adapter: SqlDriverAdapter = {
    provider: "postgres",
    adapterName: "no-database",
    queryRaw: async () => ({
      columnNames: ["exists", "version", "numeric_version"],
      columnTypes: [ColumnTypeEnum.Boolean, ColumnTypeEnum.Text, ColumnTypeEnum.Int32],
      rows: [[true, "PostgreSQL 15.0", 150000]],
    }),
    executeRaw: refuse,
    executeScript: refuse,
    startTransaction: refuse,
    dispose: async () => undefined,
  };
  return { provider: "postgres", adapterName: adapter.adapterName, connect: async () => adapter, connectToShadowDb: refuse };
}
