/** 24 simulated devices in four classes, syncing fast, with small latency factors: what the system tests roll out to. */
export const fleetOf24 = {
  seed: 7,
  classes: [
    { name: "pi4", arch: "arm64", isa: ["neon"], speedFactor: 4, memoryBytes: 4 * 2 ** 30, share: 6 },
    { name: "pi5", arch: "arm64", isa: ["neon", "asimddp"], speedFactor: 2, memoryBytes: 8 * 2 ** 30, share: 6 },
    { name: "jetson-nano", arch: "arm64", isa: ["neon"], speedFactor: 3, memoryBytes: 4 * 2 ** 30, share: 6 },
    { name: "x86-gateway", arch: "x64", isa: ["avx2"], speedFactor: 1, memoryBytes: 16 * 2 ** 30, share: 6 },
  ],
  devices: 24,
  windowMs: 5_000,
  inferenceIntervalMs: 500,
} as const;
