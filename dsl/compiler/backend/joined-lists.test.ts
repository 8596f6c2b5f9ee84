import fc from 'fast-check';
import { expect, it } from 'vitest';
import { JoinedLists } from './joined-lists.ts';

const LISTS = 4;
const MEMBERS = 12;
const list = fc.nat(LISTS - 1);
const change = fc.oneof(
  fc.record({ kind: fc.constant('join' as const), list, from: list }),
  fc.record({ kind: fc.constantFrom('first' as const, 'kept' as const), list, least: fc.nat(MEMBERS) }),
);

it('holds what arrays hold that are joined and filtered', () => {
  fc.assert(
    fc.property(fc.array(list, { maxLength: MEMBERS }), fc.array(change), (homes, changes) => {
      const lists = new JoinedLists(LISTS, MEMBERS);
      const arrays: number[][] = Array.from({ length: LISTS }, () => []);
      for (const [member, home] of homes.entries()) {
        lists.push(home, member);
        arrays[home]!.push(member);
      }
      for (const each of changes) {
        const array = arrays[each.list]!;
        if (each.kind === 'join') {
          if (each.from === each.list) continue;
          lists.join(each.list, each.from);
          array.push(...arrays[each.from]!.splice(0));
          continue;
        }
        const keep = (member: number): boolean => member >= each.least;
        if (each.kind === 'first') {
          expect(lists.first(each.list, keep)).toBe(array.find(keep));
          array.splice(0, array.some(keep) ? array.findIndex(keep) : array.length);
        } else {
          arrays[each.list] = array.filter(keep);
          expect(lists.kept(each.list, keep)).toEqual(arrays[each.list]);
        }
        for (const [number, members] of arrays.entries()) expect(lists.kept(number)).toEqual(members);
      }
    }),
  );
});
