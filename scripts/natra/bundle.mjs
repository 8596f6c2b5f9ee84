// scripts/natra/main.ts -> build/natra-dev.cjs: the command line and TypeScript as one CommonJS file. Transpiling and
// resolving hundreds of modules at each start, and importing TypeScript as an ES module, would cost seconds. What runs in
// a thread is a file of its own, without TypeScript.
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../bootstrap.mjs';
import { whenChanged } from '../build/stamp.mjs';
import { removeCode } from './code-cache.mjs';

const inProject = (...parts) => path.join(projectRoot, ...parts);

/** The bundle's file. */
export const BUNDLE = inProject('build', 'natra-dev.cjs');
/** What a thread starts with, and what it then runs: threads.ts names both. */
const THREAD = inProject('build', 'natra-thread.cjs');
const BACK_END = inProject('build', 'natra-back-end.cjs');

const ENTRIES = [
  { entry: 'scripts/natra/main.ts', file: BUNDLE },
  { entry: 'scripts/natra/thread.mjs', file: THREAD },
  { entry: 'dsl/compiler/thread.ts', file: BACK_END },
];

/** Lets a module in the bundle still find what lies beside its source. */
const ownUrls = {
  name: 'own-urls',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, ({ path: file }) => {
      const text = readFileSync(file, 'utf8');
      if (!text.includes('import.meta')) return undefined;
      const contents = text
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(file).href))
        .replaceAll('import.meta.dirname', JSON.stringify(path.dirname(file)));
      return { contents, loader: 'ts' };
    });
  },
};

/** The compiler needs of ts-morph only the TypeScript in it: the wrapper would cost as much again to load. */
const typescriptAlone = {
  name: 'typescript-alone',
  setup(build) {
    build.onResolve({ filter: /^ts-morph$/ }, () => ({ path: 'ts-morph', namespace: 'typescript-alone' }));
    build.onLoad({ filter: /.*/, namespace: 'typescript-alone' }, () => ({
      contents: `exports.ts = require('./node_modules/@ts-morph/common/dist/typescript.js');`,
      resolveDir: projectRoot,
    }));
  },
};

async function bundle({ entry, file }) {
  const { build } = await import('esbuild');
  // Others may start meanwhile, or bundle as well: they find a whole file or none.
  const outfile = `${file}.${process.pid}`;
  await build({
    absWorkingDir: projectRoot,
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    plugins: [ownUrls, typescriptAlone],
    logLevel: 'warning',
  });
  renameSync(outfile, file);
  removeCode(file);
}

/** Makes the bundles unless they are up to date. */
export function ensureBundle() {
  mkdirSync(inProject('build'), { recursive: true });
  return whenChanged({
    stamp: inProject('build', '.natra-dev'),
    inputs: [
      'dsl',
      'loader',
      'cni',
      'bench/live',
      'bench/simulate',
      'scripts/demo',
      'scripts/natra',
      'package-lock.json',
    ].map((each) => inProject(each)),
    outputs: ENTRIES.map(({ file }) => file),
    make: async () => void (await Promise.all(ENTRIES.map(bundle))),
  });
}
