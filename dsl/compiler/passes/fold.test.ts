import { describe, expect, it } from 'vitest';
import type { IrFunction } from '../ir/ir.ts';
import { eliminateDeadCode } from './dead-code.ts';
import { fold } from './fold.ts';
import { textAfter } from './testing.ts';

/** Folds until nothing is left to do; unused values go in between, since some rules want a single use. */
const folded = (fn: IrFunction): IrFunction =>
  [1, 2, 3].reduce((before) => eliminateDeadCode(fold(before)), fn);

/** What the function returns after folding `instructions`, which may use %1 and %2 (32 bits) and %3 (a 16-bit load). */
const returned = (instructions: string, value: string): string => {
  const text = textAfter(
    folded,
    `b0:
  %1:32 = load.4 context [%0]
  %2:32 = load.4 context [%0 + 8]
  %3:32 = load.2 packet [%0 + 12]
  ${instructions}
  helper 6 @keep(%1, %2, %3)
  return ${value}`,
  );
  return text
    .slice(text.indexOf('[%0 + 12]') + 10, text.indexOf('\n}'))
    .replace(/ {2}helper .*\n/, '')
    .trim();
};

/** The branch that is left of `branch` with %1, %2 and %3 as above. */
const branchAfter = (instructions: string, branch: string): string => {
  const text = textAfter(
    folded,
    `b0:
  %1:32 = load.4 context [%0]
  %2:32 = load.4 context [%0 + 8]
  %3:32 = load.2 packet [%0 + 12]
  ${instructions}
  branch.${branch} -> b1, b2
b1:
  return 1
b2:
  return 2`,
  );
  return /branch\.(.*)/.exec(text)?.[1] ?? '';
};

describe('folding', () => {
  it('applies identities', () => {
    expect(returned('%4:32 = add.32 0, %1', '%4')).toBe('return %1');
    expect(returned('%4:32 = mul.32 %1, 1', '%4')).toBe('return %1');
    expect(returned('%4:32 = xor.32 %1, %1', '%4')).toBe('return 0');
    expect(returned('%4:32 = umod.32 %1, 0', '%4')).toBe('return %1');
    expect(returned('%4:32 = udiv.32 %1, 0', '%4')).toBe('return 0');
    expect(returned('%4:32 = shl.32 %1, 32', '%4')).toBe('return %1');
  });

  it.each(['shl.32 1, %1', 'lshr.32 %2, %1', 'udiv.32 %2, %1', 'umod.32 %2, %1'])(
    'keeps a mask behind %s, whose upper half the verifier does not know to be zero',
    (operation) => {
      const instructions = [
        `%4:32 = ${operation}`,
        '%5:64 = zext %4',
        '%6:64 = mul.64 %5, 536870913',
        '%7:64 = lshr.64 %6, 61',
        '%8:64 = and.64 %7, 3',
      ];
      expect(returned(instructions.join('\n  '), '%8')).toMatch(/= and\.64 .*, 3/);
    },
  );

  it('takes a value whose every bit is known for a constant', () => {
    expect(returned('%4:32 = lshr.32 0, %1', '%4')).toBe('return 0');
    expect(returned('%4:32 = smod.32 0, %1', '%4')).toBe('return 0');
    expect(returned('%4:32 = shl.32 %1, 8\n  %5:32 = and.32 %4, 240', '%5')).toBe('return 0');
    expect(returned('%4:32 = or.32 %1, 255\n  %5:32 = and.32 %4, 15', '%5')).toBe('return 15');
  });

  it('keeps masks of what the verifier can not bound by itself', () => {
    for (const made of ['lshr.32 %3, %1', 'udiv.32 %3, %1', 'mul.32 %3, %1', 'swap.16 %3']) {
      expect(returned(`%4:32 = ${made}\n  %5:32 = and.32 %4, 65535`, '%5')).toContain('and.32 %4, 65535');
    }
    expect(returned('%4:32 = lshr.32 %3, 8\n  %5:32 = and.32 %4, 255', '%5')).not.toContain('and');
  });

  it('makes shifts and masks of powers of two', () => {
    expect(returned('%4:32 = mul.32 %1, 8', '%4')).toContain('shl.32 %1, 3');
    expect(returned('%4:32 = udiv.32 %1, 8', '%4')).toContain('lshr.32 %1, 3');
    expect(returned('%4:32 = umod.32 %1, 8', '%4')).toContain('and.32 %1, 7');
  });

  it('joins constants in a row', () => {
    expect(returned('%4:32 = add.32 %1, 5\n  %5:32 = sub.32 %4, 7', '%5')).toContain('add.32 %1, 4294967294');
  });

  it('shifts an index into an array once', () => {
    const field = '%4:32 = lshr.32 %1, 16\n  %5:32 = and.32 %4, 127';
    const narrow = returned(`${field}\n  %6:32 = shl.32 %5, 3`, '%6');
    expect(narrow).toMatch(/^%\d+:32 = lshr\.32 %1, 13\s+%\d+:32 = and\.32 %\d+, 1016\s+return/);
    const wide = returned(`${field}\n  %6:64 = zext %5\n  %7:64 = shl.64 %6, 3`, '%7');
    expect(wide).toMatch(/zext %1\s+%\d+:64 = lshr\.64 %\d+, 13\s+%\d+:64 = and\.64 %\d+, 1016\s+return/);
  });

  it.each([
    ['%6:32 = trunc %4\n  %7:32 = lshr.32 %6, 16\n  %8:32 = and.32 %7, 127', 13, 1016],
    ['%6:64 = lshr.64 %4, 48\n  %7:32 = trunc %6\n  %8:32 = and.32 %7, 127', 45, 1016],
    // Bits from beyond the low half would come down into the mask.
    ['%6:32 = trunc %4\n  %7:32 = lshr.32 %6, 28\n  %8:32 = and.32 %7, 90', 25, 80],
  ])('takes an index from a 64-bit value by one shift: %s', (field, count, mask) => {
    const text = returned(
      `%4:64 = mul.64 %0, 12345\n  ${field}\n  %9:64 = zext %8\n  %10:64 = shl.64 %9, 3`,
      '%10',
    );
    expect(text).toMatch(new RegExp(`= lshr\\.64 %4, ${count}\\s.*= and\\.64 %\\d+, ${mask}\\s+return`));
    expect(text).not.toContain('shl');
  });

  it.each([
    ['is read elsewhere', '%5:32 = and.32 %4, 127\n  helper 6 @keep(%5)', 3],
    ['is too large for an immediate', '%5:32 = and.32 %4, 49151', 16],
  ])('keeps both shifts where the field %s', (_, mask, up) => {
    const text = returned(`%4:32 = lshr.32 %1, 16\n  ${mask}\n  %6:32 = shl.32 %5, ${up}`, '%6');
    expect(text).toContain(`shl.32 %5, ${up}`);
  });

  it('subtracts from a constant without borrowing as an exclusive or', () => {
    expect(returned('%4:32 = and.32 %1, 3\n  %5:32 = sub.32 3, %4', '%5')).toContain('xor.32 %4, 3');
    expect(returned('%4:32 = and.32 %1, 4\n  %5:32 = sub.32 3, %4', '%5')).toContain('sub.32 3, %4');
  });

  it('turns bits around under the mask that drops the others', () => {
    const text = returned('%4:32 = xor.32 %3, 4294967295\n  %5:32 = and.32 %4, 65535', '%5');
    expect(text).toContain('xor.32 %3, 65535');
    expect(text).not.toContain('and.32');
  });

  it('drops a mask that a load of 16 bits makes needless, but none behind a byte swap', () => {
    expect(returned('%4:32 = and.32 %3, 65535', '%4')).toBe('return %3');
    expect(returned('%4:32 = swap.16 %1\n  %5:32 = and.32 %4, 65535', '%5')).toContain('and.32');
  });

  it('drops a sign extension of what is never negative', () => {
    expect(returned('%4:64 = sext.32.64 %3', '%4')).toContain('zext %3');
  });

  it('never regroups the variable part of a packet pointer', () => {
    const text = returned('%4:64 = zext %3\n  %5:64 = add.64 %0, %4\n  %6:64 = add.64 %5, 20', '%6');
    expect(text).toContain('%5:64 = add.64 %0, %4\n  %6:64 = add.64 %5, 20');
  });
});

describe('folding of branches', () => {
  it('compares widened values at 32 bits', () => {
    expect(branchAfter('%4:64 = zext %1', '64 ult %4, 100')).toContain('32 ult %1, 100');
    expect(branchAfter('%4:64 = zext %1', '64 slt %4, 100')).toContain('64 slt');
  });

  it('swaps the constant in place of the value', () => {
    expect(branchAfter('%4:32 = swap.16 %3', '32 eq %4, 2048')).toContain('32 eq %3, 8');
    expect(branchAfter('%4:32 = swap.16 %1', '32 eq %4, 2048')).not.toContain('eq %1');
  });

  it('swaps the constants of every comparison of a value that is only compared', () => {
    const text = textAfter(
      folded,
      `b0:
  %1:32 = load.2 context [%0]
  %2:32 = swap.16 %1
  branch.32 eq %2, 33024 -> b2, b1
b1:
  branch.32 eq %2, 34984 -> b2, b3
b2:
  return 1
b3:
  return 2`,
    );
    expect(text).toContain('eq %1, 129');
    expect(text).toContain('eq %1, 43144');
    expect(text).not.toContain('swap');
  });

  it('tests bits behind a swap in one branch', () => {
    expect(branchAfter('%4:32 = swap.16 %3\n  %5:32 = and.32 %4, 8191', '32 ne %5, 0')).toContain(
      '32 test %3, 65311 -> b1, b2',
    );
    expect(branchAfter('%4:32 = and.32 %1, 4', '32 eq %4, 0')).toContain('32 test %1, 4 -> b2, b1');
  });

  it('puts constants to the right', () => {
    expect(branchAfter('', '32 ult 5, %1')).toContain('32 ugt %1, 5');
  });
});
