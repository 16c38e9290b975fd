import type { SimulationScenario } from "./types.ts";

/** What apps/device-sim ships, as people choose it; a test holds the list against the folder. */
export const simulationScenarios: readonly SimulationScenario[] = [
  { name: "demo", title: "Demo", text: "Four device classes on a good network, nothing goes wrong.", devices: 24, classes: ["pi4", "pi5", "jetson-nano", "x86-gateway"] },
  { name: "flaky-4g", title: "Flaky 4G", text: "Slow, lossy uplinks that go away for half a minute every three, damaged downloads, power cuts.", devices: 24, classes: ["pi4", "jetson-nano"] },
  { name: "herd", title: "Herd", text: "All devices behind one uplink: dark after three minutes, all back a minute later.", devices: 1_000, classes: ["pi4", "x86-gateway"] },
  { name: "bad-class", title: "Bad class", text: "After two minutes new builds crash on every jetson-nano and misbehave on a tenth of the pi5.", devices: 200, classes: ["pi4", "pi5", "jetson-nano"] },
  { name: "silent-fleet", title: "Silent fleet", text: "After two minutes six of ten devices are never heard of again; some wall clocks are wrong.", devices: 500, classes: ["pi4", "jetson-nano"] },
  { name: "large-100k", title: "Large", text: "A crowd with a minute's telemetry from each device; 100,000 of them by command.", devices: 5_000, classes: ["pi4", "pi5", "jetson-nano", "x86-gateway"] },
];
