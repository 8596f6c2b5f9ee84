#!/usr/bin/env node
// programs/*.ts -> build/*.o -> dist/natra. Each step is skipped while its inputs are the same.
import { ensureNodeModules } from './bootstrap.mjs';

ensureNodeModules();
const { buildObjects } = await import('./build/objects.mjs');
const { buildExecutable } = await import('./build/bundle.mjs');

const say = (what, done) => process.stdout.write(`natra: ${what} ${done ? 'built' : 'up to date'}\n`);
say('build/limit.o', await buildObjects());
say('dist/natra', await buildExecutable());
