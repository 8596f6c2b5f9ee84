// cni/main.ts -> dist/natra: one minified CommonJS file with the object files inside, and koffi's addon beside it.
// A CNI plugin starts for every Pod, so nothing but what a call runs may be in it: the operator's commands are a second
// file, dist/natra-operator.cjs, that the first one reads when it is called without CNI_COMMAND.
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { projectRoot } from '../bootstrap.mjs';
import { OBJECTS, objectPath } from './objects.mjs';
import { whenChanged } from './stamp.mjs';

const inProject = (...parts) => path.join(projectRoot, ...parts);

/** The only folders whose code a CNI call runs; the compiler and koffi's JavaScript wrapper cost start time. */
const ALLOWED = /^(cni|loader|dsl\/object)\/|^package\.json$|^<define:/;

/** koffi's addon for this machine: the builds for glibc and musl are two. */
function koffiAddon() {
  const { arch } = process;
  const libc = process.report.getReport().header.glibcVersionRuntime ? 'linux' : 'musl';
  return inProject('node_modules', '@koromix', `koffi-linux-${arch}`, `${libc}_${arch}`, 'koffi.node');
}

const OPERATOR = 'natra-operator.cjs';

/** Leaves the operator's commands out of the bundle of the CNI verbs. */
const operatorApart = {
  name: 'operator-apart',
  setup({ onResolve }) {
    onResolve({ filter: /\/operator\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: `./${OPERATOR}`, external: true } : undefined,
    );
  },
};

function bundleOf(entryPoint, outfile, more) {
  return build({
    absWorkingDir: projectRoot,
    entryPoints: [entryPoint],
    outfile: `dist/${outfile}`,
    bundle: true,
    minify: true,
    metafile: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
    ...more,
    define: { 'import.meta.dirname': '__dirname', ...more.define },
  });
}

async function bundle() {
  const objects = OBJECTS.map((each) => [each.name, readFileSync(objectPath(each), 'base64')]);
  const { metafile } = await bundleOf('cni/main.ts', 'natra', {
    plugins: [operatorApart],
    banner: { js: '#!/usr/bin/env node' },
    define: { NATRA_OBJECTS: JSON.stringify(Object.fromEntries(objects)) },
  });
  await bundleOf('cni/operator.ts', OPERATOR, {});
  const foreign = Object.keys(metafile.inputs).filter((file) => !ALLOWED.test(file));
  if (foreign.length > 0)
    throw new Error(
      `bundle cni/main.ts: it must not reach ${foreign.join(', ')}; import types only from there`,
    );
  chmodSync(inProject('dist', 'natra'), 0o755);
  copyFileSync(koffiAddon(), inProject('dist', 'koffi.node'));
  // The project's package.json says "module"; this file without extension is CommonJS.
  writeFileSync(inProject('dist', 'package.json'), '{ "type": "commonjs" }\n');
}

/** Bundles the executable unless it is up to date; true when it did. Needs the object files. */
export function buildExecutable() {
  mkdirSync(inProject('dist'), { recursive: true });
  return whenChanged({
    stamp: inProject('dist', '.bundle'),
    inputs: [
      ...['cni', 'loader', 'dsl/object', 'scripts/build', 'package-lock.json'].map((each) => inProject(each)),
      ...OBJECTS.map(objectPath),
    ],
    outputs: ['natra', OPERATOR, 'koffi.node', 'package.json'].map((each) => inProject('dist', each)),
    make: bundle,
  });
}
