/**
 * Copies of a block become one again where nothing came of copying it: unrolling, inlining and threading leave blocks
 * that do the same to one value each, which the one that is left takes as a parameter. Cross-jumping (Muchnick,
 * Advanced Compiler Design and Implementation, 1997, section 18.8) while values have no registers yet, so that they get
 * the same one. Only copies of the same source merge, so that each instruction keeps its line.
 */
import type { Block, Edge, IrFunction, Operand, ValueId } from '../ir/ir.ts';
import { printFunction } from '../ir/print.ts';
import { eachOperandOfBlock, mapEdges, mapOperands, mapTerminatorOperands, resultOf } from '../ir/visit.ts';
import { FreshValues } from './rewrite.ts';

/** A shorter block isn't worth the copy that its parameter may need. */
const LEAST = 2;

/** What a block does, with the values from outside that it does it to in the order in which they occur. */
interface Shape {
  readonly block: Block;
  readonly text: string;
  readonly outside: readonly ValueId[];
}

function shapeOf(block: Block): Shape {
  const outside: ValueId[] = [];
  const inside = new Map<ValueId, number>();
  const place = (operand: Operand): Operand => {
    if (typeof operand === 'bigint') return operand;
    const own = inside.get(operand);
    if (own !== undefined) return -1 - own;
    if (!outside.includes(operand)) outside.push(operand);
    return outside.indexOf(operand);
  };
  const instructions = block.instructions.map((instruction) => {
    const mapped = mapOperands(instruction, place);
    const result = resultOf(instruction);
    if (result === undefined) return mapped;
    inside.set(result, inside.size);
    return { ...mapped, result: 0 };
  });
  const terminator = mapTerminatorOperands(block.terminator, place);
  const alone = { id: 0, parameters: [], instructions, terminator };
  const text = printFunction(
    { name: '', parameters: [], blocks: [alone], slots: [], widths: [] },
    { spans: true },
  );
  return { block, text, outside };
}

/** Values that another block than their own uses. */
function usedElsewhere(fn: IrFunction): ReadonlySet<Operand> {
  const home = new Array<number | undefined>(fn.widths.length);
  for (const { id, instructions } of fn.blocks)
    for (const each of instructions) {
      const result = resultOf(each);
      if (result !== undefined) home[result] = id;
    }
  const elsewhere = new Set<Operand>();
  for (const block of fn.blocks) {
    const { id } = block;
    eachOperandOfBlock(block, (operand) => {
      if (typeof operand === 'number' && (home[operand] ?? id) !== id) elsewhere.add(operand);
    });
  }
  return elsewhere;
}

/** Blocks that do the same to the same values but for the one at `differing`; with what each has there. */
interface Copies {
  readonly model: Shape;
  readonly others: readonly Shape[];
  readonly differing: number;
}

function copiesAmong(shapes: readonly Shape[]): Copies | undefined {
  const [model, ...rest] = shapes;
  if (model === undefined) return undefined;
  const alikeBut = (differing: number): readonly Shape[] =>
    rest.filter(({ outside }) =>
      outside.every((value, index) => index === differing || value === model.outside[index]),
    );
  const found = model.outside.map((_, differing) => ({ model, others: alikeBut(differing), differing }));
  const [best] = found.toSorted((a, b) => b.others.length - a.others.length);
  return best !== undefined && best.others.length > 0 ? best : undefined;
}

function findCopies(fn: IrFunction): Copies | undefined {
  const candidates = fn.blocks.filter((block, index) => {
    const length = block.instructions.length + (block.terminator.op === 'branch' ? 1 : 0);
    return index > 0 && length >= LEAST && block.parameters.length === 0;
  });
  const promising = new Set(groupsBy(candidates, beginningOf).flat());
  if (promising.size === 0) return undefined;
  const elsewhere = usedElsewhere(fn);
  const isWhole = ({ instructions }: Block): boolean =>
    !instructions.some((each) => {
      const result = resultOf(each);
      return result !== undefined && elsewhere.has(result);
    });
  const shapes = candidates.filter((block) => promising.has(block) && isWhole(block)).map(shapeOf);
  for (const alike of groupsBy(shapes, ({ text }) => text)) {
    const copies = copiesAmong(alike);
    if (copies !== undefined) return copies;
  }
  return undefined;
}

/** What copies have in common at once: few blocks have it that aren't copies. */
const beginningOf = ({ instructions, terminator }: Block): string => {
  const [first] = instructions;
  return `${instructions.length} ${first?.op} ${first?.span?.line} ${first?.span?.column} ${terminator.op}`;
};

/** Those of which there are several of one kind, by kind. */
function groupsBy<T>(items: readonly T[], kindOf: (item: T) => string): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const kind = kindOf(item);
    const group = groups.get(kind);
    if (group === undefined) groups.set(kind, [item]);
    else group.push(item);
  }
  return [...groups.values()].filter(({ length }) => length > 1);
}

/** All ways into the copies lead to the first of them. */
function merged(fn: IrFunction, { model, others, differing }: Copies): IrFunction {
  const fresh = new FreshValues(fn);
  const value = model.outside[differing] ?? 0;
  const parameter = fresh.make(fn.widths[value] ?? 64);
  const brought = new Map(
    [model, ...others].map(({ block, outside }) => [block.id, outside[differing] ?? 0]),
  );
  const to = (edge: Edge): Edge => {
    const argument = brought.get(edge.block);
    return argument === undefined ? edge : { block: model.block.id, arguments: [argument] };
  };
  const inside = (operand: Operand): Operand => (operand === value ? parameter : operand);
  const gone = new Set(others.map(({ block }) => block.id));
  const blocks = fn.blocks
    .filter(({ id }) => !gone.has(id))
    .map((block): Block => {
      const own = block.id === model.block.id;
      const terminator = own ? mapTerminatorOperands(block.terminator, inside) : block.terminator;
      return {
        ...block,
        ...(own && {
          parameters: [parameter],
          instructions: block.instructions.map((each) => mapOperands(each, inside)),
        }),
        terminator: mapEdges(terminator, to),
      };
    });
  return { ...fn, blocks, widths: fresh.widths };
}

export function mergeCopies(fn: IrFunction): IrFunction {
  let current = fn;
  // What leads to merged blocks may be alike now.
  for (let copies = findCopies(current); copies !== undefined; copies = findCopies(current))
    current = merged(current, copies);
  return current;
}
