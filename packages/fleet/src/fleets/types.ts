export type FleetView = { id: string; name: string; query: string; devices: number; simulatedDevices: number; createdAt: string; createdByName: string };

/** What a query matches right now. */
export type FleetPreview = { query: string; devices: number; byClass: { className: string; devices: number }[]; sample: { id: string; name: string }[] };
