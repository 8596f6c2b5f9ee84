/**
 * What a limit has admitted ahead of time, when it is raised. The program's clocks tell that in time at its own rate: what takes
 * seconds there may take a moment at the new one, and would keep out all traffic meanwhile. So the program of a raised limit gets
 * memory of its own, with the same debt in its own time: with the program the kernel exchanges both, and whatever dies before
 * or after that leaves memory that means what its program takes it for.
 */
import { encodeInto, type MapHandle, readVariable } from '../../loader/index.ts';
import type { LoadedDataplane } from './load.ts';

/** Where a program has its clocks. */
export const MEMORY = '.bss';
/** Its clocks, and the settings (programs/config.ts) that say how much time a unit takes. */
const CLOCKS = { clock: 'nsPerByte', packetClock: 'nsPerPacket' } as const;

/** By name, as far as they matter here; all of those are u64. */
type Settings = Readonly<Record<string, unknown>>;

const nanoseconds = (value: unknown): bigint => (typeof value === 'bigint' ? value : 0n);

/**
 * The settings' times for a unit of a clock, where the new one is shorter. 0 stands for no cap: what its clock says then is left from a
 * cap before that, and owed no more.
 */
function shortened(setting: string, former: Settings, next: Settings): readonly [bigint, bigint] | undefined {
  const [from, to] = [nanoseconds(former[setting]), nanoseconds(next[setting])];
  return 0n < to && (from === 0n || to < from) ? [from, to] : undefined;
}

/** Whether a clock goes slower by the settings `next` than by `former`, or begins to go. */
export const isRaised = (former: Settings, next: Settings): boolean =>
  Object.values(CLOCKS).some((setting) => shortened(setting, former, next) !== undefined);

/**
 * Gives `program`, which is not attached yet, what is in the memory of one with the settings `former`. A debt beyond which it
 * would drop heavy flows becomes time by the settings `next`. What the other one writes from now on is lost: that errs in
 * the Pod's favour, once.
 */
export function inherit(
  former: { readonly memory: MapHandle; readonly settings: Settings },
  { image, sections }: Pick<LoadedDataplane, 'image' | 'sections'>,
  next: Settings,
): void {
  const section = image.sections.find(({ name }) => name === MEMORY);
  const variable = section?.variables.find(({ name }) => name === 'state');
  const memory = sections[MEMORY];
  const key = new Uint8Array(former.memory.keySize);
  const contents = former.memory.lookup(key);
  if (!section || !variable || !memory || !contents) return;
  const state = readVariable(section, variable.name, contents);
  // The kernel's CLOCK_MONOTONIC.
  const now = process.hrtime.bigint();
  const heavyHorizon = nanoseconds(next.heavyHorizon);
  const changed = Object.entries(CLOCKS).flatMap(([name, setting]) => {
    const debt = timeOf(state[name]) - now;
    const times = shortened(setting, former.settings, next);
    if (debt <= heavyHorizon || times === undefined) return [];
    const [from, to] = times;
    const owed = from === 0n ? 0n : (debt * to) / from;
    return [[name, { time: now + owed }] as const];
  });
  encodeInto(contents, variable.offset, variable.layout, Object.fromEntries(changed), variable.name);
  memory.update(key, contents);
}

/** Of a clock (programs/state.ts). */
function timeOf(clock: unknown): bigint {
  const time = typeof clock === 'object' && clock !== null && 'time' in clock ? clock.time : undefined;
  if (typeof time !== 'bigint') throw new Error("change a limit: the program's state has no such clock");
  return time;
}
