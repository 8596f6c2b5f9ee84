/** A program that was made for its settings does what the program that reads them does. */
import fc from 'fast-check';
import { beforeAll, describe, test } from 'vitest';
import { prepare } from '../../cni/dataplane/prepare.ts';
import { dataplaneSettings, type Pacing } from '../../cni/settings.ts';
import { compile } from '../../dsl/compiler/index.ts';
import type { ObjectImage } from '../../dsl/object/image.ts';
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
function byTemplate(image: ObjectImage, contents: Contents, known: (byte: number) => boolean): ObjectImage {
  const settings = contents.get('.rodata') ?? new Uint8Array(0);
  const mask = Uint8Array.from(settings, (_, byte) => (known(byte) ? 1 : 0));
  const programs = image.programs.map((program) => {
    const template = makeTemplate(program, settings, mask);
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

  test('and by way of a template for any part of the settings', () => {
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
          const { image } = compiled(writeProgram(numbers));
          const special = byTemplate(image, contents, known);
          expectAgreement([reduced(virtual(image, contents), special), virtual(special, contents)], packets);
        },
      ),
      sampling(150),
    );
  });
});

describe.each(['edt', 'queue', 'police'] as const)('the dataplane with %s', (pacing: Pacing) => {
  const { object } = compile('programs/limit.ts', { seams: 'memory' });
  const layout = object?.sections.find(({ name }) => name === '.rodata')?.variables[0]?.layout;
  if (object === undefined || layout === undefined) throw new Error('programs/limit.ts does not compile');
  const { templates } = prepare(object);
  const settings = fc
    .record({
      rateBitsPerSecond: fc.integer({ min: 1, max: 10_000 }).map((megabits) => megabits * 1e6),
      vlanTags: fc.constantFrom('on' as const, 'off' as const),
      ipFamilies: fc.constantFrom('dual' as const, 'ipv4' as const),
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
            reduced(virtual(object, contents), special),
            reduced(inKernel(object, contents), special),
            virtual(special, contents),
            inKernel(special, contents),
            ...(filled ? [virtual(filled, contents), inKernel(filled, contents)] : []),
          ];
          expectAgreement(executions, steps);
        },
      ),
      sampling(8),
    );
  }, 180_000);
});

describe('any settings at all', () => {
  const { object } = compile('programs/limit.ts', { seams: 'memory' });
  if (object === undefined) throw new Error('programs/limit.ts does not compile');

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
