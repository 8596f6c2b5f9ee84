// cni/main.ts -> dist/natra, a minified CommonJS file, and what lies beside it: koffi's addon, the object files, and the
// files of code that natra reads for some of its calls only. A CNI plugin starts for every Pod, and what Node.js reads it
// parses, at some 0.1 ms a kilobyte: so nothing is read but what a call runs.
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { projectRoot } from '../bootstrap.mjs';
import { OBJECTS, objectPath, preparedPath } from './objects.mjs';
import { whenChanged } from './stamp.mjs';

const inProject = (...parts) => path.join(projectRoot, ...parts);

/** What a call may run that makes no system call of its own: neither the loader nor the reader of objects. */
const FOR_EVERY_CALL = /^cni\/|^package\.json$/;
/** The only folders whose code a CNI call runs; the compiler and koffi's JavaScript wrapper cost start time. */
const FOR_VERBS = /^(cni|loader|dsl\/object)\/|^package\.json$|^scripts\/build\/node-module\.cjs$/;

const OBJECT_FILES = OBJECTS.flatMap((each) => [objectPath(each), preparedPath(each)]);

/** koffi's addon for this machine: the builds for glibc and musl are two. */
function koffiAddon() {
  const { arch } = process;
  const libc = process.report.getReport().header.glibcVersionRuntime ? 'linux' : 'musl';
  return inProject('node_modules', '@koromix', `koffi-linux-${arch}`, `${libc}_${arch}`, 'koffi.node');
}

/** The parts' files, as cni/ names them where it comes to them. */
const PARTS = { atOnce: 'natra-at-once.cjs', verbs: 'natra-verbs.cjs', operator: 'natra-operator.cjs' };

/** What Node.js puts around a CommonJS module, and cni/part.ts expects around the parts that it reads. */
const WRAPPED = {
  banner: { js: '(function (exports, require, module, __filename, __dirname) { ' },
  footer: { js: '\n});' },
};

function bundleOf(entryPoint, outfile, more) {
  return build({
    absWorkingDir: projectRoot,
    entryPoints: [entryPoint],
    outfile: `dist/${outfile}`,
    bundle: true,
    minify: true,
    // What is read as Latin-1 (cni/part.ts).
    charset: 'ascii',
    metafile: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    // What is imported while running comes by require(): import() would start the loader of ECMAScript modules, which takes 100 ms.
    supported: { 'dynamic-import': false },
    logLevel: 'warning',
    define: { 'import.meta.dirname': '__dirname', NATRA_INSTALLED: 'true' },
    ...more,
  });
}

/** Refuses a bundle that reaches code which no call may wait for. */
function requireOnly(allowed, entryPoint, { metafile }) {
  const foreign = Object.keys(metafile.inputs).filter((file) => !allowed.test(file));
  if (foreign.length > 0)
    throw new Error(
      `bundle ${entryPoint}: it must not reach ${foreign.join(', ')}; import types only from there`,
    );
}

async function bundle() {
  // V8 takes code for a text of the same length: what an earlier one left must go.
  for (const name of readdirSync(inProject('dist')).filter((each) => each.endsWith('.code')))
    rmSync(inProject('dist', name));
  const main = await bundleOf('cni/main.ts', 'natra', { banner: { js: '#!/usr/bin/env node' } });
  requireOnly(FOR_EVERY_CALL, 'cni/main.ts', main);
  const atOnce = await bundleOf('cni/at-once.ts', PARTS.atOnce, {});
  requireOnly(FOR_EVERY_CALL, 'cni/at-once.ts', atOnce);
  const verbs = await bundleOf('cni/plugin.ts', PARTS.verbs, {
    ...WRAPPED,
    alias: { 'node:module': inProject('scripts/build/node-module.cjs') },
  });
  requireOnly(FOR_VERBS, 'cni/plugin.ts', verbs);
  await bundleOf('cni/operator.ts', PARTS.operator, WRAPPED);
  chmodSync(inProject('dist', 'natra'), 0o755);
  copyFileSync(koffiAddon(), inProject('dist', 'koffi.node'));
  for (const file of OBJECT_FILES) copyFileSync(file, inProject('dist', path.basename(file)));
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
      ...OBJECT_FILES,
    ],
    outputs: [
      ...['natra', ...Object.values(PARTS), 'koffi.node', 'package.json'],
      ...OBJECT_FILES.map((file) => path.basename(file)),
    ].map((each) => inProject('dist', each)),
    make: bundle,
  });
}
