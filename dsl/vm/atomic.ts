/** Atomic operations, RFC 9669 section 5.3. The machine runs one program at a time, so plain reads and writes do. */
import { ATOMIC } from '../object/instruction.ts';
import type { Registers } from './registers.ts';

/** Where compare-exchange expects the old value and leaves it: the low word of r0. */
const R0 = 0;

/**
 * Runs the operation of `imm` on the eight bytes at `at`; `s` is the index of the source register's low word.
 * False for an unknown operation.
 */
export function atomic64(registers: Registers, imm: number, view: DataView, at: number, s: number): boolean {
  const low = view.getInt32(at, true);
  const high = view.getInt32(at + 4, true);
  const sourceLow = registers[s] as number;
  const sourceHigh = registers[s + 1] as number;
  const store = (newLow: number, newHigh: number): void => {
    view.setInt32(at, newLow, true);
    view.setInt32(at + 4, newHigh, true);
  };
  switch (imm & ~ATOMIC.fetch) {
    case ATOMIC.add: {
      const sum = (low >>> 0) + (sourceLow >>> 0);
      store(sum, high + sourceHigh + (sum > 0xffffffff ? 1 : 0));
      break;
    }
    case ATOMIC.or:
      store(low | sourceLow, high | sourceHigh);
      break;
    case ATOMIC.and:
      store(low & sourceLow, high & sourceHigh);
      break;
    case ATOMIC.xor:
      store(low ^ sourceLow, high ^ sourceHigh);
      break;
    case ATOMIC.exchange & ~ATOMIC.fetch:
      if (imm !== ATOMIC.exchange) return false;
      store(sourceLow, sourceHigh);
      break;
    case ATOMIC.compareExchange & ~ATOMIC.fetch:
      if (imm !== ATOMIC.compareExchange) return false;
      if ((registers[R0] as number) === low && (registers[R0 + 1] as number) === high)
        store(sourceLow, sourceHigh);
      registers[R0] = low;
      registers[R0 + 1] = high;
      return true;
    default:
      return false;
  }
  if ((imm & ATOMIC.fetch) !== 0) {
    registers[s] = low;
    registers[s + 1] = high;
  }
  return true;
}

/** The same on four bytes; a fetched value is zero-extended. */
export function atomic32(registers: Registers, imm: number, view: DataView, at: number, s: number): boolean {
  const old = view.getInt32(at, true);
  const source = registers[s] as number;
  switch (imm & ~ATOMIC.fetch) {
    case ATOMIC.add:
      view.setInt32(at, old + source, true);
      break;
    case ATOMIC.or:
      view.setInt32(at, old | source, true);
      break;
    case ATOMIC.and:
      view.setInt32(at, old & source, true);
      break;
    case ATOMIC.xor:
      view.setInt32(at, old ^ source, true);
      break;
    case ATOMIC.exchange & ~ATOMIC.fetch:
      if (imm !== ATOMIC.exchange) return false;
      view.setInt32(at, source, true);
      break;
    case ATOMIC.compareExchange & ~ATOMIC.fetch:
      if (imm !== ATOMIC.compareExchange) return false;
      if ((registers[R0] as number) === old) view.setInt32(at, source, true);
      registers[R0] = old;
      registers[R0 + 1] = 0;
      return true;
    default:
      return false;
  }
  if ((imm & ATOMIC.fetch) !== 0) {
    registers[s] = old;
    registers[s + 1] = 0;
  }
  return true;
}
