// Drains `jobs` jobs that do nothing with one tuned graphile-worker, and prints jobs a second.
import { runOnce, makeWorkerUtils } from "graphile-worker";

const jobs = Number(process.argv[2]);
const connectionString = process.env.DATABASE_URL;
const utils = await makeWorkerUtils({ connectionString });
await utils.migrate();
await utils.withPgClient((pg) => pg.query(
    `select graphile_worker.add_jobs(array(
         select row('noop', '{}', null, null, null, null, null, null)::graphile_worker.job_spec from generate_series(1, $1::int)))`,
    [jobs]));
await utils.withPgClient((pg) => pg.query("vacuum analyze graphile_worker._private_jobs"));
await utils.release();
const quiet = { debug() {}, info() {}, warn() {}, error: console.error };
const logger = { scope: () => logger, ...quiet };
let done = 0;
let last;
const began = process.hrtime.bigint();
await runOnce({
    connectionString,
    logger,
    concurrentJobs: 24,
    maxPoolSize: 4,
    taskList: { noop: async () => { done += 1; last = process.hrtime.bigint(); } },
    preset: {
        worker: {
            concurrentJobs: 24,
            maxPoolSize: 4,
            localQueue: { size: 1000 },
            completeJobBatchDelay: 0,
            failJobBatchDelay: 0,
        },
    },
});
if (done !== jobs) throw new Error(`${done} of ${jobs} jobs ran`);
const seconds = Number(last - began) / 1e9;
console.log(JSON.stringify({ per_second: jobs / seconds }));
