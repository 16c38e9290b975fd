import type { DeviceClass } from "@flotilla/protocol";
import type { Faults } from "../faults.ts";
import type { FleetStats } from "../fleet-stats.ts";
import type { Scenario } from "../scenario.ts";
import type { Content } from "./content.ts";
import type { CrowdNetwork } from "./crowd-network.ts";
import type { FleetKeys } from "./fleet-keys.ts";
import type { ModelLab } from "./model-lab.ts";
import type { Timeline } from "./timeline.ts";

/** What all devices of a crowd share. */
export type CrowdContext = {
  readonly timeline: Timeline;
  readonly net: CrowdNetwork;
  readonly content: Content;
  readonly lab: ModelLab;
  readonly stats: FleetStats;
  readonly scenario: Scenario;
  readonly keys: FleetKeys;
  /** Null when all devices are enrolled already. */
  readonly enrollmentToken: string | null;
  /** The class that a device of the scenario's class states. */
  readonly classOf: ReadonlyMap<string, DeviceClass>;
  /** Enrolments and tokens under way are bounded: a hundred thousand at once would only wait for each other. */
  readonly handshakes: Gate;
  /** Random ids: never from the seed, or two runs would pass for one. */
  readonly randomHex: (bytes: number) => string;
  /** Faults in force now. */
  faults(): Faults;
  /** Keeps who the server says a device is. */
  enrolled(name: string, deviceId: string): void;
  /** No device of the fleet can enrol: the server's sentence. */
  refused(sentence: string): void;
  /** Writes down what happened, when somebody listens. */
  note(device: string, what: string): void;
};

/** Lets at most `places` works run at once, the others wait in order. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];
  #next = 0;

  constructor(places: number) {
    this.#free = places;
  }

  enter(work: () => void): void {
    if (this.#free > 0) {
      this.#free -= 1;
      work();
    } else this.#waiting.push(work);
  }

  leave(): void {
    const next = this.#waiting[this.#next];
    if (next === undefined) {
      this.#free += 1;
      this.#waiting.length = 0;
      this.#next = 0;
      return;
    }
    this.#next += 1;
    next();
  }
}
