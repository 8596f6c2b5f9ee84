// programs/limit.ts -> build/*.o: an ELF object for each baseline, through the project's own compiler; beside it a .prepared,
// the same prepared for loading.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { register } from 'tsx/esm/api';
import { projectRoot } from '../bootstrap.mjs';
import { whenChanged } from './stamp.mjs';

/** Each object that is made, by its name in build/. Kernels that refuse the first get the second. */
export const OBJECTS = [
  { baseline: '5.12', name: 'limit' },
  { baseline: '5.10', name: 'limit-5.10' },
];

const inProject = (...parts) => path.join(projectRoot, ...parts);

/** Where an object file is made. */
export const objectPath = ({ name }) => inProject('build', `${name}.o`);

/** Where the same is, prepared for loading. */
export const preparedPath = ({ name }) => inProject('build', `${name}.prepared`);

const sourceOf = (file) => readFileSync(path.resolve(projectRoot, file), 'utf8');

async function compilePrograms() {
  const unregister = register();
  try {
    const { compile } = await import('../../dsl/compiler/compile.ts');
    const { formatDiagnostic } = await import('../../dsl/compiler/diagnostics/diagnostic.ts');
    const { readElf } = await import('../../dsl/object/elf/read.ts');
    const { writeElf } = await import('../../dsl/object/elf/write.ts');
    const { writePrepared } = await import('../../dsl/object/prepared.ts');
    const { prepare, templatesOf } = await import('../../cni/dataplane/prepare.ts');
    const compiled = (baseline, settings) => {
      const { object, diagnostics } = compile(inProject('programs', 'limit.ts'), { baseline, settings });
      if (object !== undefined) return object;
      const sources = new Map(diagnostics.map(({ span }) => [span.file, sourceOf(span.file)]));
      const words = diagnostics.map((one) => formatDiagnostic(one, sources)).join('\n\n');
      throw new Error(`compile programs/limit.ts:\n${words}`);
    };
    mkdirSync(inProject('build'), { recursive: true });
    for (const each of OBJECTS) {
      const limiter = compiled(each.baseline);
      const elf = writeElf(limiter);
      const templates = templatesOf(limiter, (settings) => compiled(each.baseline, settings));
      writeFileSync(objectPath(each), elf);
      writeFileSync(preparedPath(each), writePrepared(prepare(readElf(elf), templates)));
    }
  } finally {
    await unregister();
  }
}

/** Compiles the programs unless they are up to date; true when it did. */
export function buildObjects() {
  return whenChanged({
    stamp: inProject('build', '.objects'),
    inputs: [
      ...['programs', 'dsl/lang', 'dsl/compiler', 'dsl/machine', 'dsl/object', 'scripts/build'],
      // What is prepared depends on the settings.
      ...[
        'cni/bounds.ts',
        'cni/dataplane',
        'cni/limit.ts',
        'cni/settings.ts',
        'cni/state/fnv.ts',
        'loader/object',
      ],
    ].map((each) => inProject(each)),
    outputs: [...OBJECTS.map(objectPath), ...OBJECTS.map(preparedPath)],
    make: compilePrograms,
  });
}
