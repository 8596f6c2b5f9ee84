/**
 * Which lines and branches of programs/*.ts the tests run in the reference interpreter. Collected where `npm test` asks
 * for it (NATRA_COVERAGE names a folder), one file of counts for each test file; scripts/coverage adds them up.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ModuleTree } from '../../dsl/compiler/tree/tree.ts';
import { type Coverage, createCoverage } from '../../dsl/interpreter/coverage.ts';
import type { Hooks } from '../../dsl/interpreter/index.ts';
import { addTo, type Counts, toJson } from '../../scripts/coverage/counts.ts';

const FOLDER = process.env.NATRA_COVERAGE;
const PROGRAMS = 'programs/';

const collected = new Map<ModuleTree, Coverage>();

/** Hooks that count what runs of a module of programs/ do; none for other modules, or where nobody asks. */
export function collecting(module: ModuleTree): Hooks {
  const isOurs = [...module.sources.keys()].some((file) => file.startsWith(PROGRAMS));
  if (FOLDER === undefined || !isOurs) return {};
  const known = collected.get(module) ?? createCoverage(module);
  collected.set(module, known);
  return known.hooks;
}

/** Called when a test file has ended (verifier-tests/coverage/setup.ts). */
function write(): void {
  if (FOLDER === undefined || collected.size === 0) return;
  const counts: Counts = new Map();
  for (const coverage of collected.values())
    for (const [file, { lines, branches }] of coverage.report())
      if (file.startsWith(PROGRAMS)) addTo(counts, file, lines, branches);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(path.join(FOLDER, `${process.pid}-${Date.now()}.json`), JSON.stringify(toJson(counts)));
}

Object.assign(globalThis, { natraCoverage: write });
