// programs/*.ts -> build/*.o: one ELF object a direction, through the project's own compiler.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { register } from 'tsx/esm/api';
import { projectRoot } from '../bootstrap.mjs';
import { whenChanged } from './stamp.mjs';

export const DIRECTIONS = ['ingress', 'egress'];

const inProject = (...parts) => path.join(projectRoot, ...parts);

/** Where a direction's object file is made. */
export const objectPath = (direction) => inProject('build', `${direction}.o`);

const sourceOf = (file) => readFileSync(path.resolve(projectRoot, file), 'utf8');

async function compilePrograms() {
  const unregister = register();
  try {
    const { compile } = await import('../../dsl/compiler/compile.ts');
    const { formatDiagnostic } = await import('../../dsl/compiler/diagnostics/diagnostic.ts');
    const { writeElf } = await import('../../dsl/object/elf/write.ts');
    mkdirSync(inProject('build'), { recursive: true });
    for (const direction of DIRECTIONS) {
      const { object, diagnostics } = compile(inProject('programs', `${direction}.ts`));
      if (object === undefined) {
        const sources = new Map(diagnostics.map(({ span }) => [span.file, sourceOf(span.file)]));
        const words = diagnostics.map((each) => formatDiagnostic(each, sources)).join('\n\n');
        throw new Error(`compile programs/${direction}.ts:\n${words}`);
      }
      writeFileSync(objectPath(direction), writeElf(object));
    }
  } finally {
    await unregister();
  }
}

/** Compiles both programs unless they are up to date; true when it did. */
export function buildObjects() {
  return whenChanged({
    stamp: inProject('build', '.objects'),
    inputs: ['programs', 'dsl/lang', 'dsl/compiler', 'dsl/machine', 'dsl/object', 'scripts/build'].map(
      (each) => inProject(each),
    ),
    outputs: DIRECTIONS.map(objectPath),
    make: compilePrograms,
  });
}
