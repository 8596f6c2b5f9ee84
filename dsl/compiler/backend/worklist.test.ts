import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Worklist } from './worklist.ts';

it('holds what a set holds, in its order', () => {
  const change = fc.record({ add: fc.boolean(), member: fc.nat(7) });
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const list = new Worklist(8);
      const set = new Set<number>();
      for (const { add, member } of changes) {
        if (add) {
          list.add(member);
          set.add(member);
        } else expect(list.delete(member)).toBe(set.delete(member));
        expect([...list]).toEqual([...set]);
        expect(list.first()).toBe([...set][0]);
        expect(list.has(member)).toBe(set.has(member));
      }
    }),
  );
});
