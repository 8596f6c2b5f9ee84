/** Conditions of jumps, RFC 9669 section 4.3. */
import { JMP } from '../object/instruction.ts';

/** Whether a 64-bit comparison holds; `undefined` for an unknown one. */
export function holds64(
  operation: number,
  a: number,
  aHigh: number,
  b: number,
  bHigh: number,
): boolean | undefined {
  switch (operation) {
    case JMP.eq:
      return a === b && aHigh === bHigh;
    case JMP.ne:
      return a !== b || aHigh !== bHigh;
    case JMP.set:
      return (a & b) !== 0 || (aHigh & bHigh) !== 0;
    case JMP.gt:
      return below(b, bHigh >>> 0, a, aHigh >>> 0);
    case JMP.ge:
      return !below(a, aHigh >>> 0, b, bHigh >>> 0);
    case JMP.lt:
      return below(a, aHigh >>> 0, b, bHigh >>> 0);
    case JMP.le:
      return !below(b, bHigh >>> 0, a, aHigh >>> 0);
    case JMP.sgt:
      return below(b, bHigh, a, aHigh);
    case JMP.sge:
      return !below(a, aHigh, b, bHigh);
    case JMP.slt:
      return below(a, aHigh, b, bHigh);
    case JMP.sle:
      return !below(b, bHigh, a, aHigh);
    default:
      return undefined;
  }
}

/** Whether a 32-bit comparison holds; `undefined` for an unknown one. */
export function holds32(operation: number, a: number, b: number): boolean | undefined {
  switch (operation) {
    case JMP.eq:
      return a === b;
    case JMP.ne:
      return a !== b;
    case JMP.set:
      return (a & b) !== 0;
    case JMP.gt:
      return a >>> 0 > b >>> 0;
    case JMP.ge:
      return a >>> 0 >= b >>> 0;
    case JMP.lt:
      return a >>> 0 < b >>> 0;
    case JMP.le:
      return a >>> 0 <= b >>> 0;
    case JMP.sgt:
      return a > b;
    case JMP.sge:
      return a >= b;
    case JMP.slt:
      return a < b;
    case JMP.sle:
      return a <= b;
    default:
      return undefined;
  }
}

/** a < b by high words (signed or unsigned as given), then unsigned low words. */
function below(a: number, aHigh: number, b: number, bHigh: number): boolean {
  return aHigh === bHigh ? a >>> 0 < b >>> 0 : aHigh < bHigh;
}
