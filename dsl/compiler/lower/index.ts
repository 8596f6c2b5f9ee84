/** Typed tree to SSA IR: the entry function with all it inlines, then its BPF subprograms. */
import { CONTEXTS } from '../../machine/contexts.ts';
import type { IrFunction, IrProgram } from '../ir/ir.ts';
import type { FunctionTree, ModuleTree, ProgramTree } from '../tree/tree.ts';
import { programFacts } from '../tree/walk.ts';
import { FunctionBuilder } from './builder.ts';
import { type Baseline, LoweringError, type Scope, type Seams } from './scope.ts';
import { stackAlignments } from './stack-alignment.ts';
import { bindVariable, lowerStatements } from './statements.ts';
import { leafWidths, scalar } from './values.ts';

export { type Baseline, LoweringError, type Seams } from './scope.ts';
export { nextRandom, SEAMS_LAYOUT, SEAMS_SECTION, SEAMS_VARIABLE, withSeams } from './seams.ts';

export interface LowerOptions {
  /** `kernel` (default): clocks and randomness are helpers. `memory`: see seams.ts; needs `withSeams(module)`. */
  readonly seams?: Seams;
  /** `5.12` by default. For `5.10` the coarse clock is the exact one rounded down, and atomics but `add` are not atomic. */
  readonly baseline?: Baseline;
}

/** BPF passes arguments in r1 to r5. */
const MAX_ARGUMENTS = 5;

/** Lowers one program. Throws {@link LoweringError} on a tree that the front end should have refused. */
export function lowerProgram(
  module: ModuleTree,
  program: ProgramTree,
  options: LowerOptions = {},
): IrProgram {
  const context = CONTEXTS[program.kind];
  const { assigned, stackLayouts } = programFacts(program.entry);
  const stackAlignment = stackAlignments(stackLayouts);
  const names = new Map<FunctionTree, string>();
  const subprograms: IrFunction[] = [];
  const taken = new Set([program.name]);
  const unique = (wanted: string): string => {
    let name = wanted;
    for (let suffix = 1; taken.has(name); suffix += 1) {
      name = `${wanted}_${suffix}`;
    }
    taken.add(name);
    return name;
  };
  const subprogram = (tree: FunctionTree): string => {
    const known = names.get(tree);
    if (known !== undefined) {
      return known;
    }
    const name = unique(tree.name);
    names.set(tree, name);
    subprograms.push(lowerFunction(name, tree));
    return name;
  };
  const callback: Scope['callback'] = (lower) => {
    const name = unique('round');
    subprograms.push(lower(name));
    return name;
  };
  const lowerFunction = (name: string, tree: FunctionTree): IrFunction => {
    const isEntry = tree === program.entry;
    const widths = tree.parameters.flatMap((parameter) => {
      const { kind } = parameter.type;
      if (kind !== 'int' && kind !== 'bool' && kind !== 'context') {
        throw new LoweringError(tree.span, `${tree.name} is no inline function and takes a ${kind}`);
      }
      return leafWidths(parameter.type);
    });
    if (widths.length > MAX_ARGUMENTS) {
      throw new LoweringError(
        tree.span,
        `${tree.name} takes ${widths.length} arguments, ${MAX_ARGUMENTS} at most`,
      );
    }
    // An entry function receives the context whether it names it or not.
    const builder = new FunctionBuilder(name, isEntry ? [64] : widths);
    const contextIndex = isEntry ? 0 : tree.parameters.findIndex(({ type }) => type.kind === 'context');
    const scope: Scope = {
      module,
      context,
      seams: options.seams ?? 'kernel',
      baseline: options.baseline ?? '5.12',
      builder,
      contextPointer: builder.parameters[contextIndex],
      assigned,
      stackAlignment,
      variables: new Map(),
      jumps: [],
      returnTo: { kind: 'function' },
      slots: new Map(),
      current: tree,
      subprogram,
      callback,
    };
    builder.span = tree.span;
    try {
      for (const [index, parameter] of tree.parameters.entries()) {
        bindVariable(scope, parameter, scalar(builder.parameters[index] ?? 0n));
      }
      lowerStatements(scope, tree.body);
      if (builder.reachable) {
        builder.return(0n);
      }
      return builder.finish();
    } catch (error) {
      // What fails without saying where, fails at what was being lowered.
      if (error instanceof LoweringError || !(error instanceof Error)) throw error;
      throw new LoweringError(builder.span, error.message, { cause: error });
    }
  };
  const entry = lowerFunction(program.name, program.entry);
  return { name: program.name, functions: [entry, ...subprograms] };
}
