/** A program that was made for its settings does what the program that reads them does. */
import fc from 'fast-check';
import { beforeAll, describe, test } from 'vitest';
import { templatesOf } from '../../cni/dataplane/prepare.ts';
import { dataplaneSettings, type Pacing } from '../../cni/settings.ts';
import { compile } from '../../dsl/compiler/index.ts';
import type { ObjectImage } from '../../dsl/object/image.ts';
import { type Rodata, rodataOf } from '../../dsl/object/specialise/constants.ts';
import { specialise } from '../../dsl/object/specialise/index.ts';
import { fillTemplate, fits, makeTemplate } from '../../dsl/object/specialise/template.ts';
import { encodeStruct } from '../../loader/object/values.ts';
import { expectAgreement, sampling } from '../differential/agree.ts';
import { compiled } from '../differential/compile.ts';
import { inKernel } from '../differential/in-kernel.ts';
import { virtual } from '../differential/models.ts';
import { writeProgram } from '../differential/program-writer.ts';
import { arbitraryContents, arbitraryStep, arbitraryTrains } from '../differential/steps.ts';
import { type Contents, type Execution, stayOnFirstCpu } from '../differential/world.ts';

beforeAll(stayOnFirstCpu);

function made(image: ObjectImage, contents: Contents): ObjectImage {
  const settings = contents.get('.rodata') ?? new Uint8Array(0);
  return { ...image, programs: image.programs.map((program) => specialise(program, settings)) };
}

/** The same by way of templates for settings of which `known` bytes are given beforehand. */
function byTemplate(image: ObjectImage, settings: Uint8Array, known: Uint8Array): ObjectImage {
  const programs = image.programs.map((program) => {
    const template = makeTemplate(program, settings, known);
    return template ? fillTemplate(template, settings) : program;
  });
  return { ...image, programs };
}

/** An execution that reports only the maps and sections to which `image` still refers. */
function reduced(execution: Execution, image: ObjectImage): Execution {
  const names = new Set(
    image.programs.flatMap(({ relocations }) => relocations.map(({ target }) => target.name)),
  );
  const among = <T>(all: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(all).filter(([name]) => names.has(name)));
  return {
    ...execution,
    state() {
      const { maps, sections, records } = execution.state();
      return { maps: among(maps), sections: among(sections), records: among(records) };
    },
  };
}

describe('in the VM', () => {
  test('random programs with random settings do the same once specialised', () => {
    const tape = fc.array(fc.nat(255), { maxLength: 400, size: 'max' });
    const { sections } = compiled(writeProgram([])).module;
    const steps = fc.array(arbitraryStep('generated'), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(tape, arbitraryContents(sections), steps, (numbers, contents, packets) => {
        const { image } = compiled(writeProgram(numbers));
        const special = made(image, contents);
        expectAgreement([reduced(virtual(image, contents), special), virtual(special, contents)], packets);
      }),
      sampling(300),
    );
  });

  test('and by way of a template for any part of the settings, which the compiler may have known', () => {
    const tape = fc.array(fc.nat(255), { maxLength: 400, size: 'max' });
    const { sections } = compiled(writeProgram([])).module;
    const steps = fc.array(arbitraryStep('generated'), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(
        tape,
        arbitraryContents(sections),
        steps,
        fc.func(fc.boolean()),
        (numbers, contents, packets, known) => {
          const tree = writeProgram(numbers);
          const settings = contents.get('.rodata') ?? new Uint8Array(0);
          const mask = Uint8Array.from(settings, (_, byte) => (known(byte) ? 1 : 0));
          const { image } = compiled(tree);
          for (const base of [image, compiled(tree, [], rodataOf(settings, mask)).image]) {
            const special = byTemplate(base, settings, mask);
            expectAgreement(
              [reduced(virtual(image, contents), special), virtual(special, contents)],
              packets,
            );
          }
        },
      ),
      sampling(100),
    );
  });
});

/** The dataplane, made for some settings where they are given. */
function dataplane(settings?: Rodata): ObjectImage {
  const { object } = compile('programs/limit.ts', { seams: 'memory', ...(settings && { settings }) });
  if (object === undefined) throw new Error('programs/limit.ts does not compile');
  return object;
}

describe.each(['edt', 'queue', 'police'] as const)('the dataplane with %s', (pacing: Pacing) => {
  const object = dataplane();
  const layout = object.sections.find(({ name }) => name === '.rodata')?.variables[0]?.layout;
  if (layout === undefined) throw new Error('programs/limit.ts has no settings');
  const templates = templatesOf(object, dataplane);
  const settings = fc
    .record({
      rateBitsPerSecond: fc.integer({ min: 1, max: 10_000 }).map((megabits) => megabits * 1e6),
      // As most Pods have them, so that a template fits; and another.
      vlanTags: fc.constantFrom(...(['on', 'on', 'on', 'off'] as const)),
      ipFamilies: fc.constantFrom(...(['dual', 'dual', 'dual', 'ipv4'] as const)),
      seed: fc.nat().map((seed) => BigInt(seed) << 32n),
    })
    .map(({ seed, ...limit }) =>
      encodeStruct(layout, { ...dataplaneSettings({ ...limit, pacing }, 'ingress'), seed }),
    );

  test('does the same specialised, in the VM and in the kernel', () => {
    fc.assert(
      fc.property(
        arbitraryContents(object.sections),
        settings,
        arbitraryTrains('limit'),
        (state, rodata, steps) => {
          const contents = new Map([...state, ['.rodata' as const, rodata]]);
          const special = made(object, contents);
          const template = templates.find((each) => fits(each, rodata));
          const filled = template && { ...object, programs: [fillTemplate(template, rodata)] };
          const executions = [
            virtual(object, contents),
            inKernel(object, contents),
            virtual(special, contents),
            inKernel(special, contents),
            ...(filled ? [virtual(filled, contents), inKernel(filled, contents)] : []),
          ].map((execution) => reduced(execution, filled ?? special));
          expectAgreement(executions, steps);
        },
      ),
      sampling(8),
    );
  }, 180_000);
});

describe('any settings at all', () => {
  const object = dataplane();

  test('leave the dataplane what it was', () => {
    fc.assert(
      fc.property(arbitraryContents(object.sections), arbitraryTrains('limit'), (contents, steps) => {
        const special = made(object, contents);
        expectAgreement([reduced(virtual(object, contents), special), virtual(special, contents)], steps);
      }),
      sampling(40),
    );
  }, 180_000);
});
