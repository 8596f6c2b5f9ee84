import fc from 'fast-check';
import { beforeAll, test } from 'vitest';
import { DIRECTIONS } from '../../cni/config/bandwidth.ts';
import { dataplaneSettings } from '../../cni/settings.ts';
import { compile, formatDiagnostic } from '../../dsl/compiler/index.ts';
import { encodeStruct } from '../../loader/object/values.ts';
import { expectAgreement, sampling } from './agree.ts';
import { inKernel } from './in-kernel.ts';
import { interpreted, virtual } from './models.ts';
import { arbitraryContents, arbitraryTrains } from './steps.ts';
import { stayOnFirstCpu } from './world.ts';

beforeAll(stayOnFirstCpu);

const { object, tree, diagnostics } = compile('programs/limit.ts', { seams: 'memory' });
if (object === undefined || tree === undefined) {
  throw new Error(diagnostics.map((one) => formatDiagnostic(one, new Map())).join('\n'));
}

/** Those of a limit from 1 to 1000 Mbit/s; undefined for any contents at all. */
const layout = object.sections.find((section) => section.name === '.rodata')?.variables[0]?.layout;
if (layout === undefined) throw new Error('the program has no settings');
const arbitrarySettings = fc.oneof(
  { weight: 1, arbitrary: fc.constant(undefined) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.integer({ min: 1, max: 1000 }),
        fc.constantFrom(...DIRECTIONS),
        fc.constantFrom('edt' as const, 'queue' as const, 'police' as const),
        fc.constantFrom('on' as const, 'off' as const),
        fc.constantFrom('dual' as const, 'ipv4' as const),
        fc.nat(),
      )
      .map(([rate, direction, pacing, vlanTags, ipFamilies, seed]) =>
        encodeStruct(layout, {
          ...dataplaneSettings({ rateBitsPerSecond: rate * 1e6, pacing, vlanTags, ipFamilies }, direction),
          seed: BigInt(seed),
        }),
      ),
  },
);

test('the interpreter, the VM and the kernel agree on sequences of packets', () => {
  fc.assert(
    fc.property(
      arbitraryContents(object.sections),
      arbitrarySettings,
      arbitraryTrains('limit'),
      (contents, settings, steps) => {
        const filled =
          settings === undefined ? contents : new Map([...contents, ['.rodata' as const, settings]]);
        const executions = [
          interpreted(tree, object, filled),
          virtual(object, filled),
          inKernel(object, filled),
        ];
        expectAgreement(executions, steps);
      },
    ),
    sampling(50),
  );
}, 180_000);
