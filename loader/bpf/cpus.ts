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
    const [first, last = first] = range.split('-').map(Number);
    if (first === undefined || last === undefined || !(last >= first)) {
      throw new Error(`read the list of possible cpus: unexpected ${JSON.stringify(list)}`);
    }
    count += last - first + 1;
  }
  return count;
}
