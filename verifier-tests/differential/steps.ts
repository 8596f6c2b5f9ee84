/** Random steps and initial contents, for any program. */
import fc from 'fast-check';
import { testRunRefusal } from '../../dsl/machine/index.ts';
import type { ProgramKind, SectionImage } from '../../dsl/object/image.ts';
import { arbitraryPacket } from './packets.ts';
import { type Contents, packetOf, type Step } from './world.ts';

/** Times near one another, as clocks are: what decides is their difference. ns. */
const START = 10_000_000_000_000n;
/** CONFIG_HZ=250. */
const TICK = 4_000_000n;
const time = fc.bigInt({ min: 0n, max: 3_000_000_000n }).map((after) => START + after);

export function arbitraryStep(program: string, kind: ProgramKind = 'classifier'): fc.Arbitrary<Step> {
  return fc
    .record({
      program: fc.constant(program),
      packet: arbitraryPacket,
      coarse: time,
      lag: fc.bigInt({ min: 0n, max: TICK }),
      random: fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 1, 0xffffffff)),
      mark: fc.nat(0xffff),
      priority: fc.nat(0xffff),
      tstamp: fc.oneof(fc.constant(0n), time, fc.constant((1n << 63n) - 1n)),
      gso: fc.oneof(
        { weight: 3, arbitrary: fc.constant({ gsoSegs: 0, gsoSize: 0 }) },
        fc.record({
          // 0: not counted yet, as in what a packet socket injects.
          gsoSegs: fc.integer({ min: 0, max: 45 }),
          gsoSize: fc.constantFrom(8, 536, 1448, 0xffff),
        }),
      ),
      headers: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(5000)),
    })
    .map(({ program: name, packet, coarse, lag, random, mark, priority, tstamp, gso, headers }) => ({
      program: name,
      packet,
      now: coarse + lag,
      coarse,
      ticks: coarse / TICK,
      random,
      fields: { mark, priority, tstamp, ...gso, wireLen: packet.length + headers },
    }))
    .filter((step) => testRunRefusal(packetOf(step, kind), kind) === undefined);
}

/** Trains of packets: each step goes out again and again, a little later every time. */
export function arbitraryTrains(program: string): fc.Arbitrary<readonly Step[]> {
  const train = fc.record({
    step: arbitraryStep(program),
    count: fc.integer({ min: 1, max: 12 }),
    gap: fc.constantFrom(0n, 1_000n, 120_000n, 20_000_000n),
  });
  return fc.array(train, { minLength: 1, maxLength: 6 }).map((trains) =>
    trains.flatMap(({ step, count, gap }) =>
      Array.from({ length: count }, (_, index) => {
        const later = gap * BigInt(index);
        const coarse = step.coarse + later;
        return { ...step, now: step.now + later, coarse, ticks: coarse / TICK };
      }),
    ),
  );
}

/** xorshift32 (Marsaglia, 2003): long random contents from a small seed, which shrinks better than they would. */
function* numbers(seed: number): Generator<number, never> {
  let x = seed | 1;
  for (;;) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    yield x >>> 0;
  }
}

/** 64-bit words: zeros, small numbers, times near the steps', and anything. */
function word(draw: () => number): bigint {
  const any = (BigInt(draw()) << 32n) | BigInt(draw());
  switch (draw() % 4) {
    case 0:
      return 0n;
    case 1:
      return any & 0xffn;
    case 2:
      return START - 1_000_000_000n + (any % 5_000_000_000n);
    default:
      return any;
  }
}

/** Contents for the sections of these sizes; seed 0 leaves them zero. */
export function arbitraryContents(sections: readonly SectionImage[]): fc.Arbitrary<Contents> {
  return fc.nat(0xffff).map((seed) => {
    const source = numbers(seed);
    const draw = (): number => source.next().value;
    return new Map(
      sections.map(({ name, size }) => {
        const bytes = new Uint8Array(Math.ceil(size / 8) * 8);
        const view = new DataView(bytes.buffer);
        for (let at = 0; seed > 0 && at < bytes.length; at += 8) view.setBigUint64(at, word(draw), true);
        return [name, bytes.slice(0, size)] as const;
      }),
    );
  });
}
