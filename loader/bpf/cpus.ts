import { readText } from '../native/files.ts';

let possible: number | undefined;

/** Number of possible CPUs: how many values a per-CPU map gives for a key. */
export function possibleCpus(): number {
  possible ??= countCpus(readText('/sys/devices/system/cpu/possible'));
  return possible;
}

/** Counts a kernel CPU list such as `0-3,8`. */
export function countCpus(list: string): number {
  let count = 0;
  for (const range of list.trim().split(',')) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
    const more = Number(last) - Number(first) + 1;
    if (!(more > 0)) throw new Error(`count the possible cpus: unexpected list ${JSON.stringify(list)}`);
    count += more;
  }
  return count;
}
