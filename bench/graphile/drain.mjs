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
await utils.release();
const quiet = { debug() {}, info() {}, warn() {}, error: console.error };
const logger = { scope: () => logger, ...quiet };
const began = process.hrtime.bigint();
await runOnce({
    connectionString,
    logger,
    concurrentJobs: 24,
    maxPoolSize: 4,
    taskList: { noop: async () => {} },
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
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
console.log(JSON.stringify({ per_second: jobs / seconds }));
