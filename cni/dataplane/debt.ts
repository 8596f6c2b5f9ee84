/**
 * What a limit has admitted ahead of time, when it changes. The program's clocks tell that in time at the former rate: what takes
 * seconds there may take a moment at the new one, and would keep out all traffic meanwhile.
 */
import { encodeInto, readVariable } from '../../loader/index.ts';
import { boundsOf } from '../bounds.ts';
import type { PacedLimit } from '../limit.ts';
import type { LoadedDataplane } from './load.ts';

const MEMORY = '.bss';
/** Its clocks, and the rates at which they go. */
const CLOCKS = {
  clock: ({ rateBitsPerSecond }: PacedLimit) => rateBitsPerSecond,
  packetClock: ({ packetsPerSecond }: PacedLimit) => packetsPerSecond ?? 0,
} as const;

/**
 * Makes time at the rates of `next` of a debt at those of `former` beyond which `program`, in force already, drops heavy flows. What
 * mice write to its memory in the moment between reading and writing is lost: it errs in their favour, once.
 */
export function convertDebt(
  { image, sections }: Pick<LoadedDataplane, 'image' | 'sections'>,
  former: PacedLimit,
  next: PacedLimit,
): void {
  const section = image.sections.find(({ name }) => name === MEMORY);
  const variable = section?.variables.find(({ name }) => name === 'state');
  const memory = sections[MEMORY];
  const key = new Uint8Array(memory?.keySize ?? 0);
  const contents = memory?.lookup(key);
  if (!section || !variable || !memory || !contents) return;
  const state = readVariable(section, variable.name, contents);
  // The kernel's CLOCK_MONOTONIC.
  const now = process.hrtime.bigint();
  const { heavyHorizon } = boundsOf(next);
  const converted = Object.entries(CLOCKS).flatMap(([name, rateOf]) => {
    const debt = timeOf(state[name]) - now;
    const [from, to] = [rateOf(former), rateOf(next)];
    if (debt <= heavyHorizon || from >= to) return [];
    return [[name, { time: now + (debt * BigInt(from)) / BigInt(to) }] as const];
  });
  if (converted.length === 0) return;
  encodeInto(contents, variable.offset, variable.layout, Object.fromEntries(converted), variable.name);
  memory.update(key, contents);
}

/** Of a clock (programs/state.ts). */
function timeOf(clock: unknown): bigint {
  const time = typeof clock === 'object' && clock !== null && 'time' in clock ? clock.time : undefined;
  if (typeof time !== 'bigint') throw new Error("change a limit: the program's state has no such clock");
  return time;
}
