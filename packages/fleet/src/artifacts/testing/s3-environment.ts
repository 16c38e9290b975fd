import type { S3Credentials } from "./s3-signatures.ts";

/** A real S3 server to be asked as well: FLOTILLA_TEST_S3=http://key:secret@host:port/bucket (S3_REGION beside it); null without. */
export function realS3(): { endpoint: string; bucket: string; region: string; credentials: S3Credentials } | null {
  const text = process.env["FLOTILLA_TEST_S3"];
  if (text === undefined || text === "") return null;
  const url = new URL(text);
  const credentials = { accessKeyId: decodeURIComponent(url.username), secretAccessKey: decodeURIComponent(url.password) };
  return { endpoint: url.origin, bucket: url.pathname.slice(1), region: process.env["S3_REGION"] ?? "us-east-1", credentials };
}

/** Puts credentials where the SDK looks for them by itself. */
export function setAwsCredentials({ accessKeyId, secretAccessKey }: S3Credentials): void {
  process.env["AWS_ACCESS_KEY_ID"] = accessKeyId;
  process.env["AWS_SECRET_ACCESS_KEY"] = secretAccessKey;
}
