/** Conditions of jumps, RFC 9669 section 4.3. */
import { JMP } from '../object/instruction.ts';

// Local constants: every instruction tests them, and some module loaders make each read of an import a call.
const {
  eq: EQ,
  ne: NE,
  set: SET,
  gt: GT,
  ge: GE,
  lt: LT,
  le: LE,
  sgt: SGT,
  sge: SGE,
  slt: SLT,
  sle: SLE,
} = JMP;

/** Whether a 64-bit comparison holds; `undefined` for an unknown one. */
export function holds64(
  operation: number,
  a: number,
  aHigh: number,
  b: number,
  bHigh: number,
): boolean | undefined {
  switch (operation) {
    case EQ:
      return a === b && aHigh === bHigh;
    case NE:
      return a !== b || aHigh !== bHigh;
    case SET:
      return (a & b) !== 0 || (aHigh & bHigh) !== 0;
    case GT:
      return below(b, bHigh >>> 0, a, aHigh >>> 0);
    case GE:
      return !below(a, aHigh >>> 0, b, bHigh >>> 0);
    case LT:
      return below(a, aHigh >>> 0, b, bHigh >>> 0);
    case LE:
      return !below(b, bHigh >>> 0, a, aHigh >>> 0);
    case SGT:
      return below(b, bHigh, a, aHigh);
    case SGE:
      return !below(a, aHigh, b, bHigh);
    case SLT:
      return below(a, aHigh, b, bHigh);
    case SLE:
      return !below(b, bHigh, a, aHigh);
    default:
      return undefined;
  }
}

/** Whether a 32-bit comparison holds; `undefined` for an unknown one. */
export function holds32(operation: number, a: number, b: number): boolean | undefined {
  switch (operation) {
    case EQ:
      return a === b;
    case NE:
      return a !== b;
    case SET:
      return (a & b) !== 0;
    case GT:
      return a >>> 0 > b >>> 0;
    case GE:
      return a >>> 0 >= b >>> 0;
    case LT:
      return a >>> 0 < b >>> 0;
    case LE:
      return a >>> 0 <= b >>> 0;
    case SGT:
      return a > b;
    case SGE:
      return a >= b;
    case SLT:
      return a < b;
    case SLE:
      return a <= b;
    default:
      return undefined;
  }
}

/** a < b by high words (signed or unsigned as given), then unsigned low words. */
function below(a: number, aHigh: number, b: number, bHigh: number): boolean {
  return aHigh === bHigh ? a >>> 0 < b >>> 0 : aHigh < bHigh;
}
