/** How often a test kills a training: a few times always, more often when somebody wants to know. */
export const TRAINING_KILLS = Number(process.env["FLOTILLA_TRAINING_KILLS"] ?? 3);
