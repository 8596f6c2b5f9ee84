// programs/*.ts -> build/*.o: an ELF object for each direction and baseline, through the project's own compiler.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { register } from 'tsx/esm/api';
import { projectRoot } from '../bootstrap.mjs';
import { whenChanged } from './stamp.mjs';

/** Each object that is made, by its name in build/. Kernels that refuse the first of a direction get the second. */
export const OBJECTS = ['ingress', 'egress'].flatMap((direction) => [
  { direction, baseline: '5.12', name: direction },
  { direction, baseline: '5.10', name: `${direction}-5.10` },
]);

const inProject = (...parts) => path.join(projectRoot, ...parts);

/** Where an object file is made. */
export const objectPath = ({ name }) => inProject('build', `${name}.o`);

const sourceOf = (file) => readFileSync(path.resolve(projectRoot, file), 'utf8');

async function compilePrograms() {
  const unregister = register();
  try {
    const { compile } = await import('../../dsl/compiler/compile.ts');
    const { formatDiagnostic } = await import('../../dsl/compiler/diagnostics/diagnostic.ts');
    const { writeElf } = await import('../../dsl/object/elf/write.ts');
    mkdirSync(inProject('build'), { recursive: true });
    for (const each of OBJECTS) {
      const { direction, baseline } = each;
      const { object, diagnostics } = compile(inProject('programs', `${direction}.ts`), { baseline });
      if (object === undefined) {
        const sources = new Map(diagnostics.map(({ span }) => [span.file, sourceOf(span.file)]));
        const words = diagnostics.map((one) => formatDiagnostic(one, sources)).join('\n\n');
        throw new Error(`compile programs/${direction}.ts:\n${words}`);
      }
      writeFileSync(objectPath(each), writeElf(object));
    }
  } finally {
    await unregister();
  }
}

/** Compiles the programs unless they are up to date; true when it did. */
export function buildObjects() {
  return whenChanged({
    stamp: inProject('build', '.objects'),
    inputs: ['programs', 'dsl/lang', 'dsl/compiler', 'dsl/machine', 'dsl/object', 'scripts/build'].map(
      (each) => inProject(each),
    ),
    outputs: OBJECTS.map(objectPath),
    make: compilePrograms,
  });
}
