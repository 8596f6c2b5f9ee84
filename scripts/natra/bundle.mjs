// scripts/natra/main.ts -> build/natra-dev.cjs: the command line and TypeScript as one CommonJS file. Transpiling and
// resolving hundreds of modules at each start, and importing TypeScript as an ES module, would cost seconds.
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../bootstrap.mjs';
import { whenChanged } from '../build/stamp.mjs';

const inProject = (...parts) => path.join(projectRoot, ...parts);

/** The bundle's file. */
export const BUNDLE = inProject('build', 'natra-dev.cjs');
/** V8's compiled code of the bundle. */
export const CODE_CACHE = `${BUNDLE}.cache`;

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

async function bundle() {
  const { build } = await import('esbuild');
  // Others may start meanwhile, or bundle as well: they find a whole file or none.
  const outfile = `${BUNDLE}.${process.pid}`;
  await build({
    absWorkingDir: projectRoot,
    entryPoints: ['scripts/natra/main.ts'],
    outfile,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    plugins: [ownUrls, typescriptAlone],
    logLevel: 'warning',
  });
  renameSync(outfile, BUNDLE);
  rmSync(CODE_CACHE, { force: true });
}

/** Makes the bundle unless it is up to date. */
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
    outputs: [BUNDLE],
    make: bundle,
  });
}
