import type { UploadView } from "@flotilla/fleet";
import { addSample, backoffMs, isSameFile, missingParts, partRange, receivedBytes, speedOf, type RememberedUpload, type Sample } from "./transfer-plan.ts";
import { isUnderWay, type UploadItem } from "./upload-item.ts";

// Every run of an item starts from the beginning and skips what is done: hash once, announce (the server answers a begun
// upload with the parts it has), send what is missing, complete. So pausing is aborting, and resuming, a lost line and a
// reload are all the same thing: running again.

/** A failure that passes by itself, or one that does not. */
export class TransferProblem extends Error {
  readonly passes: boolean;
  readonly code: string;
  constructor(message: string, options: { passes: boolean; code?: string }) {
    super(message);
    this.name = "TransferProblem";
    this.passes = options.passes;
    this.code = options.code ?? "";
  }
}

/** What the engine does not do by itself. All may throw TransferProblem, and stop when the signal fires. */
export type UploadPorts = {
  hash(file: File, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<string>;
  create(input: { filename: string; sizeBytes: number; sha256: string }, signal: AbortSignal): Promise<UploadView>;
  find(uploadId: string, signal: AbortSignal): Promise<UploadView>;
  complete(uploadId: string, signal: AbortSignal): Promise<UploadView>;
  sendPart(url: string, bytes: Blob, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<void>;
  /** Resolves after the time, or earlier when the line is back; rejects when the signal fires. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  now(): number;
  random(): number;
  remembered(): RememberedUpload[];
  remember(uploads: readonly RememberedUpload[]): void;
};

/** Parts on the line at once: one more than needed to keep it full between two answers. */
const PARALLEL = 2;
const REMEMBER_EVERY_MS = 2_000;

type Work = { item: UploadItem; file: File | null; controller: AbortController | null; samples: Sample[]; loaded: Map<number, number>; arrived: number; rememberedAt: number };

/** The uploads of one tab. They go on while a person looks at other pages. */
export class UploadEngine {
  readonly #ports: UploadPorts;
  readonly #works = new Map<string, Work>();
  readonly #listeners = new Set<() => void>();
  #snapshot: readonly UploadItem[] = [];
  #serial = 0;

  constructor(ports: UploadPorts) {
    this.#ports = ports;
    for (const entry of ports.remembered()) {
      const item = this.#newItem(entry);
      this.#works.set(item.key, newWork({ ...item, phase: "needs_file", uploadId: entry.uploadId, sha256: entry.sha256, sentBytes: entry.sentBytes }, null));
    }
    this.#publish();
  }

  subscribe = (onChange: () => void): (() => void) => {
    this.#listeners.add(onChange);
    return () => this.#listeners.delete(onChange);
  };

  items = (): readonly UploadItem[] => this.#snapshot;

  /** Takes files in and starts. A file whose upload was begun before a reload goes on with that one; one that is here already is not taken twice. */
  add(files: readonly File[]): void {
    for (const file of files) {
      const print = { filename: file.name, sizeBytes: file.size, lastModified: file.lastModified };
      const known = [...this.#works.values()].find((work) => isSameFile(work.item, print));
      if (known !== undefined && known.item.phase !== "needs_file" && known.item.phase !== "failed") continue;
      const work = known ?? newWork(this.#newItem(print), null);
      work.file = file;
      this.#works.set(work.item.key, work);
      this.#start(work);
    }
  }

  pause(key: string): void {
    const work = this.#works.get(key);
    if (work === undefined || !isUnderWay(work.item)) return;
    work.controller?.abort();
    this.#set(work, { paused: true, bytesPerSecond: null });
  }

  /** Goes on after a pause, or tries again after a failure. */
  resume(key: string): void {
    const work = this.#works.get(key);
    if (work?.file == null || isUnderWay(work.item) || work.item.phase === "done") return;
    this.#start(work);
  }

  /** Forgets an upload; what has arrived is given up by the server after a day. */
  remove(key: string): void {
    const work = this.#works.get(key);
    work?.controller?.abort();
    this.#works.delete(key);
    this.#publish();
    this.#note();
  }

  #newItem(print: { filename: string; sizeBytes: number; lastModified: number }): UploadItem {
    this.#serial += 1;
    return {
      key: `file-${this.#serial}`, filename: print.filename, sizeBytes: print.sizeBytes, lastModified: print.lastModified, phase: "hashing", paused: false,
      hashedBytes: 0, sentBytes: 0, bytesPerSecond: null, uploadId: null, sha256: null, duplicate: false, problem: null,
    };
  }

  #start(work: Work): void {
    work.controller?.abort();
    const controller = new AbortController();
    work.controller = controller;
    work.samples = [];
    work.loaded.clear();
    this.#set(work, { paused: false, problem: null, bytesPerSecond: null, phase: work.item.sha256 === null ? "hashing" : "announcing" });
    this.#run(work, controller.signal).catch((error: unknown) => {
      if (controller.signal.aborted) return;
      controller.abort();
      this.#set(work, { phase: "failed", bytesPerSecond: null, problem: error instanceof Error ? error.message : String(error) });
      this.#note();
    });
  }

  async #run(work: Work, signal: AbortSignal): Promise<void> {
    const { file } = work;
    if (file === null) return;
    if (file.size === 0) throw new TransferProblem("The file is empty.", { passes: false });
    const sha256 = work.item.sha256 ?? (await this.#ports.hash(file, (hashedBytes) => this.#set(work, { hashedBytes }), signal));
    this.#set(work, { sha256, hashedBytes: file.size });
    for (;;) {
      this.#set(work, { phase: "announcing" });
      const upload = await this.#trying(work, signal, () => this.#ports.create({ filename: file.name, sizeBytes: file.size, sha256 }, signal));
      this.#set(work, { uploadId: upload.uploadId });
      if (upload.state === "complete") return this.#finish(work, upload);
      await this.#sendParts(work, file, upload, signal);
      this.#set(work, { phase: "completing", bytesPerSecond: null, problem: null });
      const outcome = await this.#trying(work, signal, () => this.#completing(upload.uploadId, signal));
      if (outcome !== "incomplete") return this.#finish(work, outcome);
      // The server lost parts (its disk was replaced, say): ask again what is missing.
    }
  }

  async #completing(uploadId: string, signal: AbortSignal): Promise<UploadView | "incomplete"> {
    try {
      const view = await this.#ports.complete(uploadId, signal);
      if (view.state === "failed") throw new TransferProblem(view.failure ?? "The bytes that arrived are not those of the file.", { passes: false });
      return view;
    } catch (error) {
      if (error instanceof TransferProblem && error.code === "upload_incomplete") return "incomplete";
      throw error;
    }
  }

  #finish(work: Work, upload: UploadView): void {
    this.#set(work, { phase: "done", duplicate: upload.duplicate, sentBytes: work.item.sizeBytes, bytesPerSecond: null, problem: null, uploadId: upload.uploadId });
    this.#note();
  }

  async #sendParts(work: Work, file: File, upload: UploadView, signal: AbortSignal): Promise<void> {
    const queue = missingParts(upload);
    work.loaded.clear();
    work.arrived = receivedBytes(upload);
    let { partUrl } = upload;
    this.#set(work, { phase: "sending", problem: null, sentBytes: work.arrived });
    this.#note();
    const sendOne = async (n: number): Promise<void> => {
      const { start, end } = partRange(n, file.size, upload.partSizeBytes);
      try {
        if (partUrl === null) throw new TransferProblem("The upload is no longer open.", { passes: true, code: "upload_ticket_invalid" });
        await this.#ports.sendPart(`${partUrl}/${n}`, file.slice(start, end), (bytes) => this.#progress(work, n, bytes), signal);
      } catch (error) {
        work.loaded.delete(n);
        if (!(error instanceof TransferProblem) || error.code !== "upload_ticket_invalid") throw error;
        // Tickets live a quarter of an hour; a new one comes with the view.
        partUrl = (await this.#ports.find(upload.uploadId, signal)).partUrl;
        throw new TransferProblem(error.message, { passes: true });
      }
      work.loaded.delete(n);
      work.arrived += end - start;
      this.#progress(work, n, 0);
    };
    const worker = async (): Promise<void> => {
      for (let n = queue.shift(); n !== undefined; n = queue.shift()) {
        const part = n;
        await this.#trying(work, signal, () => sendOne(part));
        if (work.item.phase === "waiting") this.#set(work, { phase: "sending", problem: null });
      }
    };
    await Promise.all(Array.from({ length: Math.min(PARALLEL, queue.length) }, worker));
  }

  #progress(work: Work, n: number, bytes: number): void {
    if (bytes > 0) work.loaded.set(n, bytes);
    const sentBytes = Math.min(work.item.sizeBytes, work.arrived + [...work.loaded.values()].reduce((sum, loaded) => sum + loaded, 0));
    const atMs = this.#ports.now();
    work.samples = addSample(work.samples, { atMs, bytes: sentBytes });
    this.#set(work, { sentBytes, bytesPerSecond: speedOf(work.samples), phase: "sending", problem: null });
    if (atMs - work.rememberedAt > REMEMBER_EVERY_MS) this.#note();
  }

  /** Tries until it works, as long as what fails may pass. */
  async #trying<T>(work: Work, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await run();
      } catch (error) {
        if (signal.aborted || !(error instanceof TransferProblem) || !error.passes) throw error;
        this.#set(work, { phase: "waiting", problem: error.message, bytesPerSecond: null });
        work.samples = [];
        await this.#ports.wait(backoffMs(attempt, this.#ports.random()), signal);
      }
    }
  }

  #set(work: Work, change: Partial<UploadItem>): void {
    if (this.#works.get(work.item.key) !== work) return;
    // A message that comes after the pause must not undo it.
    if (work.item.paused && change.paused === undefined) return;
    work.item = { ...work.item, ...change };
    this.#publish();
  }

  #publish(): void {
    this.#snapshot = [...this.#works.values()].map((work) => work.item);
    for (const listener of this.#listeners) listener();
  }

  /** Notes the begun uploads, so that they can go on after a reload. */
  #note(): void {
    const now = this.#ports.now();
    const begun: RememberedUpload[] = [];
    for (const work of this.#works.values()) {
      const { uploadId, sha256, filename, sizeBytes, lastModified, sentBytes, phase } = work.item;
      if (uploadId === null || sha256 === null || phase === "done" || phase === "failed") continue;
      work.rememberedAt = now;
      begun.push({ uploadId, sha256, filename, sizeBytes, lastModified, sentBytes, savedAtMs: now });
    }
    this.#ports.remember(begun);
  }
}

function newWork(item: UploadItem, file: File | null): Work {
  return { item, file, controller: null, samples: [], loaded: new Map(), arrived: 0, rememberedAt: 0 };
}
