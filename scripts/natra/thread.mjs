// The start of a thread of the compiler: what it runs, from V8's code of an earlier run. Bundled to CommonJS: with ES
// modules a thread would take half as long again to start.
import { parentPort, workerData } from 'node:worker_threads';
import { requireCached } from './code-cache.mjs';

const { exports, keep } = requireCached(workerData.file);
exports.serve(parentPort, keep);
