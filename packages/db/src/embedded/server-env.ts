/** The server's environment: nothing of ours, so that no PG* variable or locale of the shell changes it. */
export const SERVER_ENV = { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };
