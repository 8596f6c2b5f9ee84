#!/usr/bin/env node
// `npm run natra -- COMMAND ...` as one command after a fresh clone: installs what is missing, bundles the command
// line when its sources changed, runs it.
import { ensureNodeModules } from './bootstrap.mjs';
import { BUNDLE, ensureBundle } from './natra/bundle.mjs';
import { expectManyCompilations, expectShortRun, requireCached } from './natra/code-cache.mjs';

ensureNodeModules();
await ensureBundle();
const args = process.argv.slice(2);
const isShort = args[0] === 'compile' || args[0] === 'check';
const isLong = args[0] === 'dev';
if (isShort) expectShortRun();
if (isLong) expectManyCompilations();
const { exports, keep } = requireCached(BUNDLE);
process.exitCode = await exports.run(args);
// What compiles has run nearly everything; the other commands would keep a cache without TypeScript.
if (isShort || isLong) keep();
