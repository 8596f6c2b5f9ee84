// programs/limit.ts -> build/*.o: an ELF object for each direction and baseline, through the project's own compiler; beside
// it a .prepared, the same prepared for loading. The program of both directions is the same, under the name of each.
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

/** Where the same is, prepared for loading. */
export const preparedPath = ({ name }) => inProject('build', `${name}.prepared`);

const sourceOf = (file) => readFileSync(path.resolve(projectRoot, file), 'utf8');

/** The same with programs of another name, which their entry functions have, too. */
const named = (name, { programs, ...others }) => ({
  ...others,
  programs: programs.map((program) => namedProgram(name, program)),
});

function namedProgram(name, program) {
  const [entry, ...others] = program.functions;
  return { ...program, name, functions: [{ ...entry, name }, ...others] };
}

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
    for (const baseline of new Set(OBJECTS.map((object) => object.baseline))) {
      const limiter = compiled(baseline);
      const templates = templatesOf(limiter, (settings) => compiled(baseline, settings));
      for (const each of OBJECTS.filter((object) => object.baseline === baseline)) {
        const { direction } = each;
        const elf = writeElf(named(direction, limiter));
        writeFileSync(objectPath(each), elf);
        const ofDirection = templates.map((template) => ({
          ...template,
          program: namedProgram(direction, template.program),
        }));
        writeFileSync(preparedPath(each), writePrepared(prepare(readElf(elf), ofDirection)));
      }
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
