import { startS3Double } from "./s3-double.ts";

// The tests' S3 server as a program: `AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… node s3-double-main.ts [port]`. Nothing outlives it.

const accessKeyId = process.env["AWS_ACCESS_KEY_ID"] ?? "";
const secretAccessKey = process.env["AWS_SECRET_ACCESS_KEY"] ?? "";
if (accessKeyId === "" || secretAccessKey === "") {
  process.stderr.write("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set: requests are checked against them.\n");
  process.exit(2);
}
const double = await startS3Double({ port: Number(process.argv[2] ?? 0), credentials: { accessKeyId, secretAccessKey } });
process.stdout.write(`${JSON.stringify({ msg: "ready", url: double.url, bucket: double.bucket, region: double.region })}\n`);
process.once("SIGTERM", () => void double.close().then(() => process.exit(0)));
