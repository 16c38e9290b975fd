import { connect } from "../connect.ts";
import { startJobConsumer } from "../queue.ts";

// Takes one job from the database given as argument, says which, and never finishes it.
const db = connect(process.argv[2] ?? "");
await startJobConsumer(db, {
  concurrency: 1,
  onJob(jobId) {
    process.stdout.write(jobId);
    return new Promise(() => undefined);
  },
});
