/** Register allocation: lower the pressure, colour, spill what got no colour all the same, until all have one. */
import { color } from './coalescing.ts';
import { removeDeadCode } from './liveness.ts';
import { FIRST_VIRTUAL, type MachineFunction, type Register, renameBlock } from './machine.ts';
import { reducePressure } from './pressure.ts';
import { spill, spillCosts } from './spill.ts';
import { BackendError } from './target.ts';
import { renameWebs } from './webs.ts';

/** Each round spills at least one register for good; real programs take two or three. */
const MAXIMUM_ROUNDS = 50;

/**
 * The function over machine registers r0 to r9 only; spills have become frame slots, copies onto themselves are gone. What
 * selection made needs no renaming: each value has a register of its own.
 */
export function allocateRegisters(fn: MachineFunction): MachineFunction {
  let current = removeDeadCode(renameWebs(reducePressure(fn)));
  let temporaries: ReadonlySet<Register> = new Set();
  for (let round = 0; round < MAXIMUM_ROUNDS; round++) {
    const coloring = color(current, spillCosts(current, temporaries));
    if (coloring.spilled.length === 0) {
      const rename = (register: Register) => coloring.colorOf(register) ?? register;
      const blocks = current.blocks.map((block) => renameBlock(block, rename));
      return { ...current, blocks, nextRegister: FIRST_VIRTUAL };
    }
    ({ fn: current, temporaries } = spill(current, coloring, temporaries));
  }
  throw new BackendError(`function ${fn.name}: register allocation doesn't end: split the function in two`);
}
