// The platform with pages that reload and programs that restart when their source changes. Takes the options of `npm start`.
process.argv.push("--dev");
await import("./start.ts");
