/**
 * Load narrowing: of a load that is read in part alone (behind a mask, a shift, or a comparison of some whole bytes),
 * only those bytes are loaded, and the mask or the shift goes. After DAGCombiner::reduceLoadWidth in LLVM. The context's
 * fields have their widths from the kernel, so they stay.
 */
import type { Bytes, Instruction, IrFunction, Operand, Terminator } from '../ir/ir.ts';
import { filterUnlessSame, mapUnlessSame } from '../ir/visit.ts';
import { ones } from './arithmetic.ts';
import { FreshValues, producersOf, Replacements, rewrittenBlocks, useCounts, withBlocks } from './rewrite.ts';

type Load = Instruction & { readonly op: 'load' };
type Branch = Terminator & { readonly op: 'branch' };

/** Some bytes of a loaded value: the lowest one's place in it, and how many. */
interface Part {
  readonly at: number;
  readonly bytes: Bytes;
}

const SIZES: readonly Bytes[] = [1, 2, 4];

/** The bytes that a mask keeps, where it keeps a run of whole ones that a load can have. */
function partOf(mask: bigint, loaded: Bytes): Part | undefined {
  for (const bytes of SIZES)
    for (let at = 0; at + bytes <= loaded; at += 1)
      if (bytes < loaded && mask === ones(8 * bytes) << BigInt(8 * at)) return { at, bytes };
  return undefined;
}

export function narrowLoads(fn: IrFunction): IrFunction {
  const producer = producersOf(fn);
  const uses = useCounts(fn);
  const fresh = new FreshValues(fn);
  const replaced = new Replacements();
  /** Loads to be replaced by others, at the same places. */
  const narrow = new Map<Load, Load>();

  const loadOf = (operand: Operand): Load | undefined => {
    const made = producer(operand);
    const whole = made?.op === 'load' && made.region !== 'context' && !made.pointer;
    return whole && uses.of(made.result) === 1 && !narrow.has(made) ? made : undefined;
  };
  /** A load of a part of what `load` loads, in its place. */
  const narrowed = (load: Load, { at, bytes }: Part): Operand => {
    const result = fresh.make(32);
    narrow.set(load, { ...load, bytes, offset: load.offset + at, result });
    return result;
  };

  /** What a mask or a shift of a loaded value gives by itself. */
  const asLoaded = (instruction: Instruction): Operand | undefined => {
    if (instruction.op !== 'binary' || typeof instruction.right !== 'bigint' || instruction.width !== 32) {
      return undefined;
    }
    const load = loadOf(instruction.left);
    if (load === undefined) return undefined;
    const { operator, right } = instruction;
    if (operator === 'and') {
      const part = partOf(right, load.bytes);
      return part?.at === 0 ? narrowed(load, part) : undefined;
    }
    if (operator !== 'lshr' || right % 8n !== 0n) return undefined;
    const at = Number(right) / 8;
    const bytes = SIZES.find((size) => size === load.bytes - at);
    return at > 0 && bytes !== undefined ? narrowed(load, { at, bytes }) : undefined;
  };

  /** A comparison of some of a loaded value's bytes with a constant, as one of a load of these bytes. */
  const compared = (branch: Branch): Branch => {
    const { condition, left, right } = branch;
    if ((condition !== 'eq' && condition !== 'ne') || typeof right !== 'bigint') return branch;
    const mask = producer(left);
    if (mask?.op !== 'binary' || mask.operator !== 'and' || typeof mask.right !== 'bigint') return branch;
    if (uses.of(left) !== 1) return branch;
    const load = loadOf(mask.left);
    const part = load && partOf(mask.right, load.bytes);
    if (load === undefined || part === undefined || (right & ~mask.right) !== 0n) return branch;
    return { ...branch, width: 32, left: narrowed(load, part), right: right >> BigInt(8 * part.at) };
  };

  const rewritten = mapUnlessSame(fn.blocks, (block) => {
    const instructions = filterUnlessSame(block.instructions, (instruction) => {
      const operand = asLoaded(instruction);
      if (operand !== undefined && instruction.op === 'binary') replaced.set(instruction.result, operand);
      return operand === undefined;
    });
    const terminator = block.terminator.op === 'branch' ? compared(block.terminator) : block.terminator;
    return instructions === block.instructions && terminator === block.terminator
      ? block
      : { ...block, instructions, terminator };
  });
  if (narrow.size === 0) return fn;
  // The mask of a comparison goes with what it read.
  const gone = new Set<Operand>([...narrow.keys()].map(({ result }) => result));
  const blocks = rewrittenBlocks(rewritten, (instruction) => {
    const part = instruction.op === 'load' ? narrow.get(instruction) : undefined;
    if (part !== undefined) return [part];
    return instruction.op === 'binary' && gone.has(instruction.left) ? [] : undefined;
  });
  return replaced.in(withBlocks(fn, blocks, fresh.widths));
}
