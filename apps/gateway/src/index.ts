// The gateway is a program (src/main.ts); these names are for its own tests and benchmarks.
export { createGateway, type GatewayOptions, type RunningGateway } from "./create-gateway.ts";
export { portsOf } from "./composition.ts";
