/** Version of the whole product, shown by health checks and agents. Equal to package.json's; a test compares them. */
export const FLOTILLA_VERSION = "0.1.0";

/** Version of the device protocol (docs/architecture.md). Servers accept every version up to this one. */
export const PROTOCOL_VERSION = 1;

/**
 * Header (value "1") by which a device says that it follows one redirect of an artifact to another host, without its access token,
 * and judges the bytes by their digest alone. Devices that do not say so get them from the gateway.
 */
export const FOLLOWS_REDIRECTS_HEADER = "x-flotilla-follows-redirects";
