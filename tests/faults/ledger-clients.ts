import { withSql, withTx, type Db } from "@flotilla/db";
import { createEnrollmentToken, systemPrincipal } from "@flotilla/fleet";
import type { FaultContext } from "./fault.ts";
import type { ProducedLedger } from "./ledger-oracle.ts";
import type { Program } from "./programs.ts";

/** Devices with real telemetry queues, in one process that may be killed and started again. */
export type LedgerClients = {
  /** Highest number that each device says it has on its disk, and highest that it was told is stored. */
  readonly kept: Map<number, number>;
  readonly acked: Map<string, number>;
  /** Windows that were on the disk before a kill and not after it. */
  lostOnDisk: () => number;
  acks: () => number;
  isReady: () => boolean;
  kill(): Promise<void>;
  start(): void;
  /** No more windows than were ordered; resolves with the ledgers when all is acknowledged, null when that does not come about. */
  finish(timeoutMs: number): Promise<ProducedLedger[] | null>;
};

export type LedgerClientOptions = { server: string; token: string; devices: number; windows: number; samples: number; everyMs: number; /** Of the devices, before a number. */ name?: string };

export async function enrolmentToken(db: Db): Promise<string> {
  return (await withTx(db, (tx) => createEnrollmentToken(tx, systemPrincipal("faults"), { maxUses: 10_000 }))).token;
}

export function startLedgerClients(context: FaultContext, options: LedgerClientOptions): LedgerClients {
  const kept = new Map<number, number>();
  const acked = new Map<string, number>();
  let lostOnDisk = 0;
  let acks = 0;
  let ended: ProducedLedger[] | null = null;
  let program: Program;
  const raise = <K>(map: Map<K, number>, key: K, value: number): void => void map.set(key, Math.max(map.get(key) ?? 0, value));
  const start = (): void => {
    program = context.programs.start("apps/device-sim/src/testing/ledger-client-main.ts", {
      args: [JSON.stringify({ ...options, dataDir: `${context.dir}/devices` })],
      onLine: (line) => {
        const device = Number(line["device"]);
        if (line.msg === "kept") raise(kept, device, Number(line["seq"]));
        if (line.msg === "opened") lostOnDisk += Math.max((kept.get(device) ?? 0) - Number(line["produced"]), 0);
        if (line.msg === "acked") {
          acks += 1;
          raise(acked, `${String(line["deviceId"])} ${String(line["epoch"])}`, Number(line["seq"]));
        }
        if (line.msg === "done") ended = line["devices"] as ProducedLedger[];
      },
    });
  };
  start();
  return {
    kept,
    acked,
    lostOnDisk: () => lostOnDisk,
    acks: () => acks,
    isReady: () => program.isReady(),
    kill: () => program.kill(),
    start,
    async finish(timeoutMs) {
      await program.ready;
      program.signal("SIGUSR2");
      await Promise.race([program.exited, new Promise((resolve) => setTimeout(resolve, timeoutMs))]);
      return ended;
    },
  };
}

/** Windows that a device was told are stored and that the server does not have now. */
export async function missingAcks(db: Db, acked: ReadonlyMap<string, number>): Promise<number> {
  const rows = await withSql(db, (sql) => sql.query<{ device_id: string; epoch: string; seq: bigint }>("select device_id, epoch, seq from telemetry_watermark"));
  const stored = new Map(rows.map((row) => [`${row.device_id} ${row.epoch}`, Number(row.seq)]));
  return [...acked].reduce((sum, [key, seq]) => sum + Math.max(seq - (stored.get(key) ?? 0), 0), 0);
}
