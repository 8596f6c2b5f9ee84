/** The optimisation passes, in the order in which they run, and the driver that repeats them until nothing changes. */
import type { IrFunction, IrProgram } from '../ir/ir.ts';
import { printFunction } from '../ir/print.ts';
import { combineLoads } from './combine-loads.ts';
import { eliminateDeadCode } from './dead-code.ts';
import { eliminateDeadStores } from './dead-stores.ts';
import { dropUndemandedBits } from './demanded-bits.ts';
import { divideByMultiplying } from './divide.ts';
import { fold } from './fold.ts';
import { foldAddresses } from './fold-addresses.ts';
import { forwardMemory } from './forward-memory.ts';
import { hoistLoads } from './hoist-loads.ts';
import { removeImpliedTests } from './implied-tests.ts';
import { joinOperations } from './join-operations.ts';
import { mergeCopies } from './merge-copies.ts';
import { mergeStores } from './merge-stores.ts';
import { narrowLoads } from './narrow-loads.ts';
import { narrowSwaps } from './narrow-swaps.ts';
import { numberValues } from './number-values.ts';
import { removeRedundantBranches } from './redundant-branches.ts';
import { removeRedundantMasks } from './redundant-masks.ts';
import { renumbered } from './rewrite.ts';
import { scaleCounters } from './scale-counters.ts';
import { simplifyCfg } from './simplify-cfg.ts';
import { sinkComputations } from './sink.ts';
import { threadJumps } from './thread-jumps.ts';

export interface Pass {
  readonly name: string;
  readonly run: (fn: IrFunction) => IrFunction;
  /** Only once all others have settled: it takes away what they tell ways apart by. */
  readonly late?: true;
}

export const PASSES: readonly Pass[] = [
  { name: 'simplify-cfg', run: simplifyCfg },
  { name: 'fold', run: fold },
  { name: 'combine-loads', run: combineLoads },
  { name: 'narrow-loads', run: narrowLoads },
  { name: 'narrow-swaps', run: narrowSwaps },
  { name: 'fold-addresses', run: foldAddresses },
  { name: 'divide', run: divideByMultiplying },
  { name: 'number-values', run: numberValues },
  // Behind number-values: of two that compute the same, each would seem to be used once.
  { name: 'demanded-bits', run: dropUndemandedBits },
  { name: 'forward-memory', run: forwardMemory },
  { name: 'redundant-masks', run: removeRedundantMasks },
  { name: 'redundant-branches', run: (fn) => simplifyCfg(removeRedundantBranches(fn)) },
  { name: 'thread-jumps', run: threadJumps },
  { name: 'implied-tests', run: removeImpliedTests },
  { name: 'hoist-loads', run: (fn) => simplifyCfg(hoistLoads(fn)) },
  { name: 'scale-counters', run: scaleCounters },
  { name: 'merge-stores', run: mergeStores },
  { name: 'dead-stores', run: eliminateDeadStores },
  { name: 'dead-code', run: eliminateDeadCode },
  { name: 'sink', run: sinkComputations },
  { name: 'join-operations', run: joinOperations, late: true },
  { name: 'merge-copies', run: mergeCopies, late: true },
];

export interface OptimiseOptions {
  /** Names of passes to leave out. */
  readonly disable?: ReadonlySet<string>;
  /** Called before each pass that is to run, for listings. */
  readonly before?: (pass: string, fn: IrFunction) => void;
  /** Called after each pass that ran, for listings and checks. */
  readonly after?: (pass: string, fn: IrFunction) => void;
}

/** Rounds at most; programs settle in three or four. */
const MAX_ROUNDS = 12;

/** Runs passes, but for those that are known to leave a function as it is: they did so before. */
class Runner {
  private readonly unchanged = new Map<Pass, IrFunction>();

  run(pass: Pass, fn: IrFunction): IrFunction {
    if (this.unchanged.get(pass) === fn) return fn;
    const result = pass.run(fn);
    if (result === fn) this.unchanged.set(pass, fn);
    return result;
  }
}

const sizeOf = (fn: IrFunction): number =>
  fn.blocks.reduce((sum, { instructions }) => sum + instructions.length + 1, 0);

/** Whether two functions do the same, whatever their values' numbers and the source lines of their instructions. */
const alike = (a: IrFunction, b: IrFunction): boolean =>
  a === b || (sizeOf(a) === sizeOf(b) && printFunction(renumbered(a)) === printFunction(renumbered(b)));

function settled(
  fn: IrFunction,
  passes: readonly Pass[],
  runner: Runner,
  { before: onBefore, after }: OptimiseOptions,
): IrFunction {
  let current = fn;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const before = current;
    for (const pass of passes) {
      onBefore?.(pass.name, current);
      current = runner.run(pass, current);
      after?.(pass.name, current);
    }
    if (round > 0 && alike(before, current)) break;
  }
  return current;
}

function optimiseFunction(fn: IrFunction, options: OptimiseOptions): IrFunction {
  const passes = PASSES.filter(({ name }) => !options.disable?.has(name));
  const early = passes.filter(({ late }) => late !== true);
  const runner = new Runner();
  return renumbered(settled(settled(fn, early, runner, options), passes, runner, options));
}

const calleesOf = (fn: IrFunction): readonly string[] =>
  fn.blocks.flatMap((block) =>
    block.instructions.flatMap((instruction) =>
      instruction.op === 'call' || instruction.op === 'functionAddress' ? [instruction.function] : [],
    ),
  );

/** The entry function and what it calls: the kernel refuses a subprogram without a caller (check_subprogs). */
function withoutUncalled(functions: readonly IrFunction[]): readonly IrFunction[] {
  const called = new Set<IrFunction>();
  const work = functions.slice(0, 1);
  for (let fn = work.pop(); fn !== undefined; fn = work.pop()) {
    if (!called.has(fn)) {
      called.add(fn);
      const callees = new Set(calleesOf(fn));
      work.push(...functions.filter(({ name }) => callees.has(name)));
    }
  }
  return functions.filter((fn) => called.has(fn));
}

/** Runs the passes over every function of a program until nothing changes; drops functions that nothing calls any more. */
export function optimise(program: IrProgram, options: OptimiseOptions = {}): IrProgram {
  const functions = program.functions.map((fn) => optimiseFunction(fn, options));
  return { ...program, functions: withoutUncalled(functions) };
}
