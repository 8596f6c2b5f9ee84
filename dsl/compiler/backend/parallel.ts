/** Parallel copies in sequence. */
import type { Register } from './machine.ts';

export interface Copy {
  readonly to: Register;
  readonly from: Register;
}

/**
 * Orders copies that happen at once so that none overwrites what a later one reads; a cycle gets one temporary
 * (Boissinot et al., "Revisiting Out-of-SSA Translation", 2009, section 4.2). Targets are distinct.
 */
export function sequentialise(copies: readonly Copy[], temporary: () => Register): readonly Copy[] {
  const pending = new Map(copies.filter(({ to, from }) => to !== from).map(({ to, from }) => [to, from]));
  const result: Copy[] = [];
  while (pending.size > 0) {
    const read = new Set(pending.values());
    const free = [...pending].find(([to]) => !read.has(to));
    if (free) {
      const [to, from] = free;
      result.push({ to, from });
      pending.delete(to);
      continue;
    }
    // Only cycles are left: save one target, so that it may be overwritten, and read the saved copy instead.
    const [first] = pending.keys();
    if (first === undefined) break;
    const saved = temporary();
    result.push({ to: saved, from: first });
    for (const [to, from] of pending) if (from === first) pending.set(to, saved);
  }
  return result;
}
