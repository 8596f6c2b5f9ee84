/**
 * The dataplane on sequences of packets under each kind of limit, one load for hundreds of sequences: the interpreter,
 * the VM and the kernel must do the same with every packet and remember the same after each sequence.
 */
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { Direction } from '../../cni/config/bandwidth.ts';
import { exclusionKey, exclusionsOf } from '../../cni/dataplane/exclusions.ts';
import { dataplaneSettings, type Limit } from '../../cni/settings.ts';
import { compile } from '../../dsl/compiler/index.ts';
import { encodeInto, encodeStruct } from '../../loader/object/values.ts';
import { stepOf } from '../invariants/run.ts';
import { arbitraryTrain, packetsOf, TICKS } from '../invariants/traffic.ts';
import { sampling } from './agree.ts';
import { inKernel } from './in-kernel.ts';
import { interpreted, virtual } from './models.ts';
import { arbitraryTrains } from './steps.ts';
import { type Execution, type Outcome, type Step, stayOnFirstCpu } from './world.ts';

const PACKETS = 50;
const SEQUENCES = 5040;
/** A test run of the kernel takes packets of a page at most. */
const MOST_BYTES = 3000;

const kbit = 1000;
const Mbit = 1_000_000;
const LIMITS: readonly Limit[] = [
  { pacing: 'police', rateBitsPerSecond: 100 * kbit },
  { pacing: 'police', rateBitsPerSecond: 10 * Mbit, burstBits: 2 * Mbit },
  { pacing: 'police', rateBitsPerSecond: Mbit, ecn: false, packetsPerSecond: 200 },
  { pacing: 'police', rateBitsPerSecond: 1000 * Mbit, vlanTags: 'off', ipFamilies: 'ipv4' },
  { pacing: 'edt', rateBitsPerSecond: 100 * kbit },
  { pacing: 'edt', rateBitsPerSecond: 10 * Mbit },
  { pacing: 'edt', rateBitsPerSecond: Mbit, miceSharePercent: 50, heavyThresholdBits: 131_072 },
  {
    pacing: 'edt',
    rateBitsPerSecond: 10 * Mbit,
    excludedSubnets: ['2001:db8::/64'],
    shapedSubnets: ['::/0'],
  },
  { pacing: 'edt', rateBitsPerSecond: 100 * Mbit, packetsPerSecond: 1000 },
  { pacing: 'queue', rateBitsPerSecond: 100 * kbit },
  { pacing: 'queue', rateBitsPerSecond: 10 * Mbit, burstBits: 4 * Mbit },
  { pacing: 'queue', rateBitsPerSecond: Mbit, excludedSubnets: ['10.0.0.0/30'], ecn: false },
];

/** The directions differ in the end that subnets are looked for: each has a limit with some. */
const directionOf = ({ pacing }: Limit): Direction => (pacing === 'edt' ? 'ingress' : 'egress');

beforeAll(stayOnFirstCpu);

const { object, tree } = compile('programs/limit.ts', { seams: 'memory' });
if (object === undefined || tree === undefined) throw new Error('programs/limit.ts does not compile');
const [image, module] = [object, tree];
const sectionOf = (name: string) => {
  const section = image.sections.find((each) => each.name === name);
  if (section === undefined) throw new Error(`programs/limit.ts has no ${name}`);
  return section;
};
const settings = sectionOf('.rodata').variables[0]?.layout;
const globals = sectionOf('.bss');
const state = globals.variables.find(({ name }) => name === 'state');
if (settings === undefined || state === undefined) throw new Error('programs/limit.ts has no state');

/** What the traffic before has left: nothing, debts, and flows of which many are near the threshold or heavy. */
interface Past {
  /** ms. */
  readonly debt: number;
  readonly mouseDebt: number;
  /** Of the threshold, in per cent; by cell in turns. */
  readonly levels: readonly number[];
}

const past: fc.Arbitrary<Past> = fc.record({
  debt: fc.constantFrom(-1000, -20, -1, 0, 1, 5, 30, 60, 100, 900, 2000),
  mouseDebt: fc.constantFrom(-1000, -20, 0, 3, 40, 100, 900, 2100),
  levels: fc.constantFrom([0], [0], [60, 90, 99], [100, 101], [50, 150, 199]),
});

function remembered({ debt, mouseDebt, levels }: Past, now: bigint, heavyLevel: bigint): Uint8Array {
  const bytes = new Uint8Array(globals.size);
  const after = (milliseconds: number): bigint => now + BigInt(milliseconds * 1_000_000);
  const level = (cell: number): bigint =>
    now + (heavyLevel * BigInt(levels[cell % levels.length] ?? 0)) / 100n;
  const cells = levels.length === 1 ? [] : Array.from({ length: 512 }, (_, cell) => level(cell));
  const values = {
    clock: { time: after(debt) },
    mouseClock: after(mouseDebt),
    packetClock: { time: after(debt) },
    cells,
  };
  encodeInto(bytes, state?.offset ?? 0, state?.layout ?? globals.variables[0]!.layout, values, 'state');
  return bytes;
}

const fifty = (steps: readonly Step[]): readonly Step[] =>
  Array.from({ length: PACKETS }, (_, index) => steps[index % steps.length]).filter(
    (step) => step !== undefined,
  );

/** Traffic of a few flows near the limit, or packets with headers of all kinds. */
const sequences = (limit: Limit): fc.Arbitrary<readonly Step[]> =>
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc
        .tuple(
          fc.array(arbitraryTrain(MOST_BYTES, 16), { minLength: 4, maxLength: 8 }),
          fc.constantFrom(...TICKS),
        )
        .map(([trains, tick]) => fifty(packetsOf(limit, trains, tick).slice(0, PACKETS).map(stepOf))),
    },
    { weight: 1, arbitrary: arbitraryTrains('limit').map(fifty) },
  );

const same = (a: Outcome, b: Outcome): boolean =>
  a.verdict === b.verdict &&
  a.packet === b.packet &&
  a.mark === b.mark &&
  a.priority === b.priority &&
  a.tstamp === b.tstamp;

/** Compares by hand: `expect` on a million equal outcomes would take longer than the executions. */
function agree(executions: readonly Execution[], steps: readonly Step[]): void {
  const [first, ...others] = executions;
  steps.forEach((step, index) => {
    const outcome = first?.run(step);
    for (const other of others) {
      const its = other.run(step);
      if (outcome === undefined || !same(its, outcome))
        expect(its, `packet ${index}: ${other.name} against ${first?.name}`).toEqual(outcome);
    }
  });
}

let compared = 0;

test.each(LIMITS.map((limit) => [JSON.stringify(limit), limit] as const))(
  'the three executions agree on every sequence under %s',
  (_, limit) => {
    const values = dataplaneSettings(limit, directionOf(limit));
    const contents = new Map([['.rodata' as const, encodeStruct(settings, { ...values, seed: 42n })]]);
    const executions = [
      inKernel(image, contents),
      virtual(image, contents),
      interpreted(module, image, contents, {}),
    ];
    try {
      for (const [subnet, excluded] of exclusionsOf(limit))
        for (const each of executions)
          each.put({
            map: 'exclusions',
            key: exclusionKey(subnet),
            value: Uint8Array.of(excluded ? 1 : 0, 0, 0, 0),
          });
      fc.assert(
        fc.property(past, sequences(limit), (before, steps) => {
          const start = remembered(before, steps[0]?.now ?? 0n, BigInt(values.heavyLevel ?? 0));
          for (const each of executions) each.restart(start);
          agree(executions, steps);
          const [kernel, ...models] = executions.map((each) => each.state());
          for (const model of models) expect(model).toEqual(kernel);
          compared += 1;
        }),
        { ...sampling(SEQUENCES / LIMITS.length), endOnFailure: true },
      );
    } finally {
      for (const each of executions) each.close();
    }
  },
  120_000,
);

test('that were all of the sequences', () => {
  expect(compared).toBeGreaterThanOrEqual(sampling(SEQUENCES - LIMITS.length).numRuns ?? 0);
});
