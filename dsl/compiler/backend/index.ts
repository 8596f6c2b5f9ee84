/** The backend: SSA IR to a program's bytecode. */
import type { ProgramImage, ProgramKind } from '../../object/image.ts';
import type { IrFunction, IrProgram } from '../ir/ir.ts';
import { allocateRegisters } from './allocate.ts';
import { emit } from './emit.ts';
import { hoistCheapSides } from './hoist.ts';
import { layOut } from './layout.ts';
import { legalise } from './legalise.ts';
import { removeDeadCode } from './liveness.ts';
import type { MachineFunction } from './machine.ts';
import { mergeBlocks } from './merge.ts';
import type { SourceNames } from './names.ts';
import { orderTests } from './order-tests.ts';
import { peephole } from './peephole.ts';
import { select } from './select.ts';
import { shareAddresses } from './share-addresses.ts';
import { mergeTails } from './tails.ts';
import { type Cpu, type Target, targetOf } from './target.ts';
import { joinExits, threadJumps } from './thread.ts';
import { widen } from './widen.ts';

export { BackendError, type Cpu } from './target.ts';

export interface BackendOptions {
  /** The instruction set, v3 by default. */
  readonly cpu?: Cpu;
  /** What instructions' results are in the source; without it the image has no names. */
  readonly names?: SourceNames;
}

/** A function's instructions over virtual registers. */
function selectFunction(fn: IrFunction, target: Target, isEntry: boolean): MachineFunction {
  const legal = legalise(fn, target);
  return removeDeadCode(select(target.narrow ? legal : widen(legal), target, isEntry));
}

/**
 * A selected function over machine registers, its blocks in the order in which they will be emitted. Of constants nothing
 * here may ask more than `Likeness` knows (likeness.ts).
 */
function finishFunction(selected: MachineFunction): MachineFunction {
  // While a choice's values still have registers of their own. The rest waits until all returns of a value are one.
  const allocated = peephole(allocateRegisters(hoistCheapSides(selected, 'choices')));
  const merged = mergeTails(mergeBlocks(threadJumps(joinExits(allocated))));
  const laidOut = layOut(mergeBlocks(threadJumps(hoistCheapSides(threadJumps(merged)))));
  return shareAddresses(orderTests(laidOut));
}

/**
 * The functions of a program over machine registers, the entry first; v3 where no instruction set is given. `finished`: for
 * who remembers what `finish` makes of functions.
 */
export function machineCode(
  program: IrProgram,
  cpu: Cpu = 'v3',
  finished = (selected: MachineFunction, finish: typeof finishFunction) => finish(selected),
): readonly MachineFunction[] {
  const target = targetOf(cpu);
  return program.functions.map((fn, index) =>
    finished(selectFunction(fn, target, index === 0), finishFunction),
  );
}

/**
 * Emits machine code as a program. `sources` (file to text) gives the text of source lines. Throws {@link BackendError}
 * when the stack is too small or a jump too long.
 */
export function emitCode(
  name: string,
  kind: ProgramKind,
  functions: readonly MachineFunction[],
  sources: ReadonlyMap<string, string>,
  options: BackendOptions = {},
): ProgramImage {
  return emit(name, kind, functions, targetOf(options.cpu ?? 'v3'), sources, options.names);
}

/** Both: a program's bytecode. Its subprograms follow the entry function. */
export function emitProgram(
  program: IrProgram,
  kind: ProgramKind,
  sources: ReadonlyMap<string, string>,
  options: BackendOptions = {},
): ProgramImage {
  return emitCode(program.name, kind, machineCode(program, options.cpu), sources, options);
}
