// scripts/natra/main.ts -> build/natra-dev.cjs: the command line as one CommonJS file. Transpiling and resolving
// hundreds of modules at each start, and importing TypeScript as an ES module, would cost seconds.
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../bootstrap.mjs';
import { whenChanged } from '../build/stamp.mjs';

const inProject = (...parts) => path.join(projectRoot, ...parts);

/** The bundle's file. */
export const BUNDLE = inProject('build', 'natra-dev.cjs');

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

async function bundle() {
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: projectRoot,
    entryPoints: ['scripts/natra/main.ts'],
    outfile: BUNDLE,
    bundle: true,
    packages: 'external',
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    plugins: [ownUrls],
    logLevel: 'warning',
  });
}

/** Makes the bundle unless it is up to date. */
export function ensureBundle() {
  mkdirSync(inProject('build'), { recursive: true });
  return whenChanged({
    stamp: inProject('build', '.natra-dev'),
    inputs: ['dsl', 'loader', 'scripts/natra', 'package-lock.json'].map((each) => inProject(each)),
    outputs: [BUNDLE],
    make: bundle,
  });
}
