import { constants, PerformanceObserver } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { collectYoung } from './garbage.ts';

/** What Node.js says of a collection, and its types leave out. */
interface Detail {
  readonly kind: number;
  readonly flags: number;
}

test('the young generation is collected when it is asked for', async () => {
  const forced = await new Promise<boolean>((resolve) => {
    const observer = new PerformanceObserver((list) => {
      const found = list.getEntries().some((entry) => {
        const { kind, flags } = (entry as unknown as { readonly detail: Detail }).detail;
        return (
          kind === constants.NODE_PERFORMANCE_GC_MINOR && flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED
        );
      });
      if (!found) return;
      observer.disconnect();
      resolve(true);
    });
    observer.observe({ entryTypes: ['gc'] });
    collectYoung();
  });
  expect(forced).toBe(true);
});
