/** Version of the whole product, shown by health checks and agents. Equal to package.json's; a test compares them. */
export const FLOTILLA_VERSION = "0.1.0";

/** Version of the device protocol (docs/architecture.md). Servers accept every version up to this one. */
export const PROTOCOL_VERSION = 1;
