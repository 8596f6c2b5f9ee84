import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BitRows } from './rows.ts';

const LIMIT = 70;
const members = fc.uniqueArray(fc.nat(LIMIT - 1));
const membersOf = (rows: BitRows, row: number): readonly number[] =>
  Array.from({ length: LIMIT }, (_, member) => member).filter((member) => rows.has(row, member));
const sorted = (numbers: Iterable<number>): readonly number[] => [...numbers].sort((a, b) => a - b);

test('rows are sets that know nothing of one another', () => {
  fc.assert(
    fc.property(members, members, members, (first, second, without) => {
      const rows = new BitRows(3, LIMIT);
      for (const member of first) rows.add(1, member);
      for (const member of second) rows.add(2, member);
      for (const member of without) rows.delete(1, member);
      expect(membersOf(rows, 0)).toEqual([]);
      expect(membersOf(rows, 1)).toEqual(sorted(first.filter((member) => !without.includes(member))));
      expect(membersOf(rows, 2)).toEqual(sorted(second));
    }),
  );
});
