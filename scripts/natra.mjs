#!/usr/bin/env node
// `npm run natra -- COMMAND ...` as one command after a fresh clone: installs what is missing, bundles the command
// line when its sources changed, runs it.
import { createRequire } from 'node:module';
import { ensureNodeModules } from './bootstrap.mjs';

ensureNodeModules();
const { BUNDLE, ensureBundle } = await import('./natra/bundle.mjs');
await ensureBundle();
const { run } = createRequire(import.meta.url)(BUNDLE);
process.exitCode = await run(process.argv.slice(2));
