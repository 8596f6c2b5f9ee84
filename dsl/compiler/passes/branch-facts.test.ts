import { describe, expect, it } from 'vitest';
import { decide as decideBy } from './branch-facts.ts';
import { type Comparison, type Facts, withFact } from './facts.ts';
import type { Producer } from './known-bits.ts';

const unknown: Producer = () => undefined;
const that = (
  condition: Comparison['condition'],
  right: bigint | number,
  width: 32 | 64 = 32,
): Comparison => ({
  condition,
  width,
  left: 1,
  right,
});

const decide = (test: Comparison, facts: readonly Comparison[], producer: Producer): boolean | undefined =>
  decideBy(
    test,
    facts.reduceRight<Facts>((farther, fact) => withFact(fact, farther), undefined),
    producer,
  );

describe('deciding a comparison', () => {
  it('by the same operands, exchanged or not', () => {
    expect(decide(that('ule', 2), [that('ult', 2)], unknown)).toBe(true);
    expect(decide({ ...that('ult', 1), left: 2 }, [that('ult', 2)], unknown)).toBe(false);
    expect(decide(that('ult', 2), [that('ule', 2), that('ne', 2)], unknown)).toBe(true);
    expect(decide(that('ult', 2), [that('slt', 2)], unknown)).toBeUndefined();
  });

  it('by the bounds of a value', () => {
    expect(decide(that('ult', 100n), [that('ult', 50n)], unknown)).toBe(true);
    expect(decide(that('eq', 7n), [that('ugt', 7n)], unknown)).toBe(false);
    expect(decide(that('eq', 7n), [that('ne', 7n)], unknown)).toBe(false);
    expect(decide(that('ult', 50n), [that('ult', 100n)], unknown)).toBeUndefined();
    expect(decide(that('slt', 50n), [that('ult', 50n)], unknown)).toBe(true);
    expect(decide(that('sgt', 0xffff_ffffn), [that('ult', 50n)], unknown)).toBeUndefined();
  });

  it('never by facts of another width', () => {
    expect(decide(that('ult', 100n, 64), [that('ult', 50n, 32)], unknown)).toBeUndefined();
  });

  it('by a larger bounds check of the same packet pointer', () => {
    const producer: Producer = (operand) => {
      if (operand === 10) {
        return { op: 'load', bytes: 4, region: 'context', base: 0, offset: 76, pointer: true, result: 10 };
      }
      return operand === 14 || operand === 34
        ? { op: 'binary', operator: 'add', width: 64, left: 10, right: BigInt(operand), result: operand }
        : undefined;
    };
    const check = (condition: 'ule' | 'ugt', left: number): Comparison => ({
      condition,
      width: 64,
      left,
      right: 99,
    });
    expect(decide(check('ule', 14), [check('ule', 34)], producer)).toBe(true);
    expect(decide(check('ule', 34), [check('ule', 14)], producer)).toBeUndefined();
    expect(decide(check('ule', 34), [check('ugt', 14)], producer)).toBe(false);
    expect(decide({ ...check('ule', 14), right: 98 }, [check('ule', 34)], producer)).toBeUndefined();
  });

  it('by an address never being 0', () => {
    const producer: Producer = (operand) =>
      operand === 1 ? { op: 'stackAddress', slot: 0, result: 1 } : undefined;
    expect(decide(that('eq', 0n, 64), [], producer)).toBe(false);
  });
});
