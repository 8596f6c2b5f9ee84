import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Limit, Pacing } from '../../cni/settings.ts';
import { HEAVY_CLASS, MOUSE_CLASS, ROOT_HANDLE } from '../../loader/attach/classes.ts';
import { sampling } from '../differential/agree.ts';
import { stayOnFirstCpu } from '../differential/world.ts';
import { excess, excessOfPackets, excessWithVital, overtaking } from './judge.ts';
import { executionOf, type Place, run, stepOf } from './run.ts';
import {
  frame,
  inOrderOfTime,
  NEVER_EARLY,
  packetOf,
  packetsOf,
  type Scenario,
  START,
  STEADY,
  scenarios,
  sentAt,
  steadyFlow,
  steadyFlows,
} from './traffic.ts';

/** TC_ACT_UNSPEC as a verdict is told. */
const UNSPECIFIED = 0xffff_ffff;
const TC_ACT_SHOT = 2;

beforeAll(stayOnFirstCpu);

/** A test run of the kernel takes packets of a page at most. */
const PLACES: readonly { readonly place: Place; readonly mostBytes: number; readonly runs: number }[] = [
  { place: 'vm', mostBytes: 20_000, runs: 30 },
  { place: 'kernel', mostBytes: 3_000, runs: 10 },
];

describe.each(PLACES)('any traffic, in the $place', ({ place, mostBytes, runs }) => {
  const holds = (pacings: readonly Pacing[], broken: (scenario: Scenario) => unknown): void =>
    fc.assert(
      fc.property(scenarios(pacings, mostBytes), (scenario) => {
        expect(broken(scenario)).toBeUndefined();
      }),
      sampling(runs),
    );

  test('only tstamp, the class and the ECN field change, the IPv4 checksum stays right, vital packets pass', () => {
    holds(['police', 'edt', 'queue'], (scenario) => run(scenario, place).wrong);
  });

  test.each(['police', 'edt'] as const)(
    'no more than rate x interval + burst leaves in any interval: %s',
    (pacing) => {
      holds([pacing], (scenario) => {
        const bytes = excess(scenario, run(scenario, place).passed);
        return bytes > 0 ? `${bytes} bytes too many` : undefined;
      });
    },
  );

  test('ARP and neighbour discovery bring what is admitted no further than their own bound', () => {
    holds(['police', 'edt', 'queue'], (scenario) => {
      const bytes = excessWithVital(scenario, run(scenario, place).passed);
      return bytes > 0 ? `${bytes} bytes too many` : undefined;
    });
  });

  test('under a packet-rate cap no more packets are admitted than it and its burst allow, and no more bytes leave', () => {
    holds(['police', 'edt', 'queue'], (scenario) => {
      const { limit, packets } = scenario;
      const capped = { ...scenario, limit: { ...limit, packetsPerSecond: 20 + (packets.length % 400) } };
      const { passed } = run(capped, place);
      const many = excessOfPackets(capped, passed);
      if (many > 0) return `${many} packets too many`;
      const bytes = limit.pacing === 'queue' ? 0 : excess(capped, passed);
      return bytes > 0 ? `${bytes} bytes too many` : undefined;
    });
  });

  test.each(['police', 'edt'] as const)('the packets of a flow leave in their order: %s', (pacing) => {
    holds([pacing], (scenario) => overtaking(run(scenario, place).passed));
  });
});

/** An idle Pod's heavy flow uses up the credit; then it and ever new mice send small packets for their own. */
function heavyThenMice(limit: Limit): Scenario {
  const bytesPerSecond = limit.rateBitsPerSecond / 8;
  const common = { ecn: 0, gap: 0, pause: 0n, random: 0 };
  const heavy = { ...common, kind: 'tcp4' as const, flow: 1 };
  const filling = Math.ceil((bytesPerSecond * 0.1) / 1514) + 60;
  const perMouse = Math.ceil((bytesPerSecond * 0.002) / 128) + 1;
  const rounds = Array.from({ length: 12 }, (_, round) => [
    { ...heavy, length: 128, count: Math.ceil((bytesPerSecond * 0.02) / 128) + 3 },
    ...Array.from({ length: 12 }, (_mouse, index) => ({
      ...common,
      ...{ kind: 'udp4' as const, flow: 100 + round * 12 + index, length: 128, count: perMouse },
    })),
  ]);
  const trains = [{ ...heavy, length: 1514, count: filling }, ...rounds.flat()];
  return { limit, seed: 5n, packets: packetsOf(limit, trains) };
}

test.each([100_000, 1_000_000, 10_000_000])(
  'mice have no second credit after a heavy flow used the bucket up: %i bit/s',
  (rateBitsPerSecond) => {
    for (const pacing of ['police', 'edt'] as const) {
      const scenario = heavyThenMice({ rateBitsPerSecond, pacing });
      expect(excess(scenario, run(scenario, 'vm').passed), pacing).toBe(0);
    }
  },
);

/**
 * A flow turns heavy, waits until the bucket is full again, and fills it and the horizon at once, with packets of `length`
 * bytes; then ever new mice send twice as fast as the cap.
 */
function queueThenMice(limit: Limit, length: number): Scenario {
  const bytesPerSecond = limit.rateBitsPerSecond / 8;
  const packetsIn = (seconds: number, bytes: number): number => Math.ceil((bytesPerSecond * seconds) / bytes);
  const common = { ecn: 0, pause: 0n, random: 0 };
  const heavy = { ...common, kind: 'tcp4' as const, flow: 1 };
  const mice = Array.from({ length: 400 }, (_, index) => ({
    ...common,
    ...{ kind: 'udp4' as const, flow: 100 + index, length: 128, count: packetsIn(0.002, 128), gap: 4 },
  }));
  const trains = [
    { ...heavy, length: 1514, count: packetsIn(0.4, 1514), gap: 8 },
    { ...heavy, length, count: packetsIn(0.5, length), gap: 0, pause: 500_000_000n },
    ...mice,
  ];
  return { limit, seed: 5n, packets: packetsOf(limit, trains) };
}

test.each([
  { rateBitsPerSecond: 10_000_000, length: 128 },
  { rateBitsPerSecond: 10_000_000, length: 1514 },
  { rateBitsPerSecond: 10_000_000, length: 1514, burstBits: 5_000_000 },
])(
  'mice beside a full queue bring $rateBitsPerSecond bit/s near its burst and not beyond: packets of $length bytes',
  ({ length, ...rate }) => {
    const scenario = queueThenMice({ ...rate, pacing: 'edt' }, length);
    const { passed } = run(scenario, 'vm');
    expect(excess(scenario, passed)).toBe(0);
    expect(excess(scenario, passed, 0.8)).toBeGreaterThan(0);
  },
);

/** A flow turns heavy, waits until the bucket is full again; then mice fill all that may wait of them at once, and the flow goes on. */
function miceThenHeavy(limit: Limit): Scenario {
  const bytesPerSecond = limit.rateBitsPerSecond / 8;
  const packetsIn = (seconds: number, bytes: number): number => Math.ceil((bytesPerSecond * seconds) / bytes);
  const common = { ecn: 0, pause: 0n, random: 0 };
  const heavy = { ...common, kind: 'tcp4' as const, flow: 1, length: 1514 };
  const mice = Array.from({ length: 200 }, (_, index) => ({
    ...common,
    ...{ kind: 'udp4' as const, flow: 100 + index, length: 512, count: packetsIn(0.01, 512), gap: 0 },
  }));
  const trains = [
    { ...heavy, count: packetsIn(0.4, 1514), gap: 8 },
    ...mice.map((train, index) => ({ ...train, pause: index === 0 ? 500_000_000n : 0n })),
    { ...heavy, count: packetsIn(1.5, 1514), gap: 6 },
  ];
  return { limit, seed: 5n, packets: packetsOf(limit, trains) };
}

test.each([
  { pacing: 'edt' as const, rateBitsPerSecond: 2_000_000, miceSharePercent: 50 },
  { pacing: 'edt' as const, rateBitsPerSecond: 20_000_000, miceSharePercent: 10 },
  { pacing: 'edt' as const, rateBitsPerSecond: 20_000_000, miceSharePercent: 50 },
  { pacing: 'edt' as const, rateBitsPerSecond: 20_000_000 },
  { pacing: 'edt' as const, rateBitsPerSecond: 20_000_000, burstBits: 2_000_000 },
  { pacing: 'police' as const, rateBitsPerSecond: 20_000_000, miceSharePercent: 10 },
])('a heavy flow beside a full queue of mice brings no more than the burst: %o', (limit) => {
  const scenario = miceThenHeavy(limit);
  expect(excess(scenario, run(scenario, 'vm').passed)).toBe(0);
});

test.each([
  { rateBitsPerSecond: 1_000_000, length: 1514 },
  { rateBitsPerSecond: 1_000_000, length: 100 },
  { rateBitsPerSecond: 10_000_000, length: 1514 },
])(
  'a flow of 1/16 of $rateBitsPerSecond bit/s in packets of $length bytes is never heavy',
  ({ rateBitsPerSecond, length }) => {
    const limit = { rateBitsPerSecond, pacing: 'queue' as const };
    const packets = steadyFlow(limit, length, 4);
    const { outcomes } = run({ limit, seed: 11n, packets }, 'vm');
    const heavy = new Set(
      packets.flatMap(({ flow }, index) => (outcomes[index]?.priority === HEAVY_CLASS ? [flow] : [])),
    );
    expect(heavy).toEqual(new Set(['tcp4 1', 'tcp4 2', 'tcp4 3']));
    expect(packets.filter(({ flow }) => flow === `tcp4 ${STEADY}`).length).toBeGreaterThan(8);
  },
);

test('of flows that wait in one queue the largest is told of it most, also for its size', () => {
  const limit = { rateBitsPerSecond: 10_000_000, pacing: 'edt' as const };
  const common = { length: 1514, jitter: true };
  const large = { ...common, flow: 1, eighthsOfGap: 16n };
  const others = [2, 3, 4].map((flow) => ({ ...common, flow, eighthsOfGap: 40n }));
  const packets = steadyFlows(limit, [large, ...others], 6);
  const { outcomes } = run({ limit, seed: 11n, packets }, 'vm');
  const lostOf = (flow: number): number => {
    const own = packets.flatMap((packet, index) =>
      packet.flow === `tcp4 ${flow}` ? [outcomes[index]?.verdict === 2] : [],
    );
    return own.filter((lost) => lost).length / own.length;
  };
  expect(lostOf(large.flow)).toBeGreaterThan(0.05);
  for (const { flow } of others) expect(lostOf(large.flow)).toBeGreaterThan(2 * lostOf(flow));
});

test('a packet whose many segments take longer than 64 bits tell is dropped, not let through for what is left of that', () => {
  const limit = { rateBitsPerSecond: 1000, pacing: 'police' as const };
  const verdicts = [8_550, 8_558, 8_566, 17_116, 60_000].map((length) => {
    const bytes = frame('udp4', 1, 0, length);
    const fields = { gsoSegs: 0, gsoSize: 1, wireLen: length - 14 };
    const [packet] = steadyFlow(limit, length, 1);
    const execution = executionOf(limit, 11n, 'vm');
    const outcome = packet && execution.run({ ...stepOf(packet), packet: bytes, fields });
    execution.close();
    return outcome?.verdict;
  });
  expect(new Set(verdicts)).toEqual(new Set([TC_ACT_SHOT]));
});

test('where classes hold packets, a flow that is about to turn heavy is not dropped for what heavy ones owe', () => {
  const limit = { rateBitsPerSecond: 10_000_000, pacing: 'queue' as const };
  const common = { kind: 'tcp4' as const, ecn: 0, length: 1514, pause: 0n, random: 0 };
  const trains = [
    { ...common, flow: 1, count: 80, gap: 8 },
    { ...common, flow: 1, count: 300, gap: 0 },
    { ...common, flow: 2, count: 54, gap: 0 },
  ];
  const packets = packetsOf(limit, trains);
  const { outcomes } = run({ limit, seed: 11n, packets }, 'vm');
  const last = (flow: number) => outcomes[packets.findLastIndex((each) => each.flow === `tcp4 ${flow}`)];
  expect(last(1)).toMatchObject({ verdict: UNSPECIFIED, priority: HEAVY_CLASS });
  expect(last(2)).toMatchObject({ verdict: UNSPECIFIED, priority: MOUSE_CLASS });
});

test('where classes hold packets, an excluded one names HTB itself, which then sends it at once', () => {
  const rate = { rateBitsPerSecond: 10_000_000, pacing: 'queue' as const };
  const [packet] = steadyFlow(rate, 1514, 1);
  const priorityUnder = (limit: Limit): number | undefined => {
    const execution = executionOf(limit, 11n, 'vm');
    const outcome = packet && execution.run(stepOf(packet));
    execution.close();
    return outcome?.priority;
  };
  expect(priorityUnder({ ...rate, excludedSubnets: ['10.0.0.0/8'] })).toBe(ROOT_HANDLE);
  expect(priorityUnder({ ...rate, excludedSubnets: ['192.0.2.0/24'] })).toBe(MOUSE_CLASS);
});

test('where classes hold packets, a heavy one keeps no time that an fq below them would take for its departure', () => {
  const limit = { rateBitsPerSecond: 10_000_000, pacing: 'queue' as const };
  const train = { kind: 'tcp4' as const, ecn: 0, length: 1514, pause: 0n, random: 0, flow: 1 };
  const execution = executionOf(limit, 11n, 'vm');
  const outcomes = packetsOf(limit, [{ ...train, count: 80, gap: 8 }]).map((packet) => {
    const step = stepOf(packet);
    return execution.run({ ...step, fields: { ...step.fields, tstamp: packet.now + 1_000_000_000n } });
  });
  execution.close();
  expect(outcomes.at(-1)).toMatchObject({ priority: HEAVY_CLASS, tstamp: 0n });
});

test('a mouse does not wait because others do', () => {
  const limit = { rateBitsPerSecond: 10_000_000, pacing: 'edt' as const };
  const common = { ecn: 0, gap: 0, random: 0 };
  const mice = Array.from({ length: 300 }, (_, index) => ({
    ...common,
    // By then those of others are known to be heavy.
    ...{
      kind: 'udp4' as const,
      flow: 100 + index,
      length: 128,
      count: 3,
      pause: index === 0 ? 2_000_000_000n : 40_000_000n,
    },
  }));
  const heavy = Array.from({ length: 12 }, (_, flow) => ({
    ...{ flow, length: 6000, eighthsOfGap: 80n, jitter: true },
  }));
  const packets = inOrderOfTime(steadyFlows(limit, heavy, 13), packetsOf(limit, mice));
  const { passed } = run({ limit, seed: 14n, packets }, 'vm');
  const waiting = passed
    .filter(({ packet, departure }) => departure > packet.now)
    .map(({ packet }) => packet.flow);
  expect(waiting.length).toBeGreaterThan(1000);
  expect(waiting.filter((flow) => flow.startsWith('udp4'))).toEqual([]);
});

test.each([undefined, 2_000_000, 1_000_000])(
  'beside flows that are too many, each below the threshold, a policer soon drops no mouse: a burst of %s bits',
  (burstBits) => {
    const limit = { rateBitsPerSecond: 10_000_000, pacing: 'police' as const, burstBits };
    // Twice the rate in all, by turns.
    const gap = (1514n * 8n * 1_000_000_000n) / BigInt(limit.rateBitsPerSecond) / 2n;
    const crowd = Array.from({ length: 14_000 }, (_, index) =>
      sentAt(START + BigInt(index) * gap, packetOf('tcp4', index % 40, 0, 1514), NEVER_EARLY),
    );
    const mice = Array.from({ length: 300 }, (_, index) => ({
      ...{ kind: 'udp4' as const, flow: 100 + index, ecn: 0, length: 200, count: 1, gap: 0 },
      ...{ pause: index === 0 ? 5_000_000_000n : 10_000_000n, random: 0 },
    }));
    const packets = inOrderOfTime(crowd, packetsOf(limit, mice));
    const { outcomes } = run({ limit, seed: 5n, packets }, 'vm');
    const droppedOf = (kind: string) =>
      packets.filter(({ flow }, index) => flow.startsWith(kind) && outcomes[index]?.verdict === TC_ACT_SHOT);
    expect(droppedOf('tcp4').length).toBeGreaterThan(1000);
    expect(droppedOf('udp4').length).toBeLessThanOrEqual(2);
  },
);

test('the traffic of these tests is held back, marked and dropped', () => {
  const samples = fc.sample(scenarios(['police', 'edt'], 20_000), { numRuns: 30, seed: 1 });
  const results = samples.map((scenario) => ({ scenario, result: run(scenario, 'vm') }));
  const packets = results.flatMap(({ scenario, result }) =>
    scenario.packets.map((packet, index) => ({ packet, outcome: result.outcomes[index] })),
  );
  const dropped = packets.filter(({ outcome }) => outcome?.verdict === 2);
  const marked = packets.filter(
    ({ packet, outcome }) =>
      outcome?.verdict !== 2 && outcome?.packet !== Buffer.from(packet.bytes).toString('hex'),
  );
  const held = results.flatMap(({ result }) =>
    result.passed.filter(({ packet, departure }) => departure > packet.now),
  );
  expect(dropped.length).toBeGreaterThan(100);
  expect(marked.length).toBeGreaterThan(50);
  expect(held.length).toBeGreaterThan(100);
});
