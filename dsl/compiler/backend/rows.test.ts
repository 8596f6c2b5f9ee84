import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BitRows } from './rows.ts';

const LIMIT = 70;
const members = fc.uniqueArray(fc.nat(LIMIT - 1));
const membersOf = (rows: BitRows, row: number): readonly number[] => {
  const found: number[] = [];
  rows.forEach(row, (member) => found.push(member));
  return found;
};
const sorted = (numbers: Iterable<number>): readonly number[] => [...numbers].sort((a, b) => a - b);

test('rows are sets that know nothing of one another', () => {
  fc.assert(
    fc.property(members, members, members, (first, second, without) => {
      const rows = new BitRows(3, LIMIT);
      const others = new BitRows(3, LIMIT);
      for (const member of first) rows.add(1, member);
      for (const member of second) rows.add(2, member);
      for (const member of without) others.add(2, member);
      expect(membersOf(rows, 1)).toEqual(sorted(first));
      expect(first.every((member) => rows.has(1, member))).toBe(true);
      const added = second.filter((member) => !without.includes(member));
      const joined = sorted(new Set([...first, ...added]));
      expect(rows.addAllBut(1, rows, others, 2)).toBe(joined.length > first.length);
      expect(membersOf(rows, 1)).toEqual(joined);
      rows.copy(1, others, 2);
      expect(rows.equals(1, others, 2)).toBe(true);
      expect(rows.equals(2, others, 2)).toBe(`${sorted(second)}` === `${sorted(without)}`);
      expect(rows.addAll(1, rows, 2)).toBe(new Set([...without, ...second]).size > without.length);
      for (const member of second) rows.delete(1, member);
      expect(membersOf(rows, 1)).toEqual(sorted(without.filter((member) => !second.includes(member))));
      expect(membersOf(rows, 0)).toEqual([]);
      expect(membersOf(rows, 2)).toEqual(sorted(second));
    }),
  );
});
