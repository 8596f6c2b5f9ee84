/**
 * Dominator-based global value numbering: an instruction that computes what a dominating one computed is that one.
 * Briggs, Cooper, Simpson, "Value Numbering" (1997), section 4.
 *
 * Loads of settings never change. Loads of the context take part with a version that counts what may have changed
 * the context; `data` and `data_end` have a version of their own that every call ends. Behind a helper that moves the
 * packet the verifier forgets the old pointers (clear_all_pkt_pointers); behind any other a pointer would come back from
 * the stack, which is no faster than from the context, and what the verifier knows of it would keep apart the ways that
 * it came by.
 */
import { blocksById, dominatorTree, entryOf, predecessors, reversePostorder } from '../ir/analysis.ts';
import { ByBlock, type ReadonlyByBlock } from '../ir/by-block.ts';
import type { Block, Instruction, IrFunction, Operand, ValueId } from '../ir/ir.ts';
import { mapOperands, mapTerminatorOperands, mapUnlessSame, resultOf, unlessSame } from '../ir/visit.ts';
import { writes } from './effects.ts';
import { Replacements, replacedEverywhere, withBlocks, withBody } from './rewrite.ts';

type Clobbers = (instruction: Instruction) => boolean;

/** The state before any clobber, and that of what reads none. */
const START = 0;

const writesContext: Clobbers = (instruction) => writes(instruction).includes('context');
const endsPointers: Clobbers = ({ op }) => op === 'helper' || op === 'call';

/** A number for the state behind instruction `index` of a block; none for another state has the same. */
const behind = (block: number, index: number): number => (index + 1) * 2 ** 20 + block;
/** A number for the state on entry to a block in which several meet. */
const merging = (block: number): number => -1 - block;

/** For each block, a number for the state on entry: the same only where no clobber lies between. */
function versionsOnEntry(fn: IrFunction, clobbers: Clobbers): ReadonlyByBlock<number> {
  const before = predecessors(fn);
  const entry = new ByBlock<number>(fn);
  const last = new ByBlock<number>(fn);
  const clobbered = new ByBlock<number>(fn);
  for (const { id, instructions } of fn.blocks) {
    const at = instructions.findLastIndex(clobbers);
    if (at >= 0) clobbered.set(id, behind(id, at));
  }
  const order = reversePostorder(fn);
  // Without an edge from what comes later once is enough.
  let isCyclic = false;
  for (let changed = true; changed; ) {
    changed = false;
    for (const id of order) {
      const merged = merging(id);
      let version: number | undefined;
      for (const predecessor of before.get(id) ?? []) {
        const own = last.get(predecessor);
        isCyclic ||= own === undefined;
        version = version === undefined || own === undefined || own === version ? (own ?? version) : merged;
      }
      if (entry.get(id) === merged) version = merged;
      version ??= START;
      const exit = clobbered.get(id) ?? version;
      changed ||= isCyclic && (entry.get(id) !== version || last.get(id) !== exit);
      entry.set(id, version);
      last.set(id, exit);
    }
  }
  return entry;
}

const COMMUTATIVE: ReadonlySet<string> = new Set(['add', 'mul', 'and', 'or', 'xor']);

/** Whether two instructions compute the same, in the same state. */
function isSame(a: Instruction, b: Instruction): boolean {
  switch (a.op) {
    case 'binary':
      if (b.op !== 'binary' || a.operator !== b.operator || a.width !== b.width) return false;
      if (a.left === b.left && a.right === b.right) return true;
      return COMMUTATIVE.has(a.operator) && a.left === b.right && a.right === b.left;
    case 'zext':
    case 'trunc':
      return b.op === a.op && a.value === b.value;
    case 'sext':
      return b.op === 'sext' && a.value === b.value && a.from === b.from && a.width === b.width;
    case 'swap':
      return b.op === 'swap' && a.value === b.value && a.bits === b.bits;
    case 'load': {
      const isAlike = b.op === 'load' && a.base === b.base && a.offset === b.offset && a.bytes === b.bytes;
      return isAlike && a.region === b.region;
    }
    case 'stackAddress':
      return b.op === 'stackAddress' && a.slot === b.slot;
    case 'sectionAddress':
      return b.op === 'sectionAddress' && a.section === b.section && a.offset === b.offset;
    case 'mapAddress':
      return b.op === 'mapAddress' && a.map === b.map;
    case 'functionAddress':
      return b.op === 'functionAddress' && a.function === b.function;
    case 'helper':
      return b.op === 'helper' && a.id === b.id && unlessSame(a.arguments, b.arguments) === a.arguments;
    default:
      return false;
  }
}

/** More than any function has values. */
const HALF = 2 ** 26;
const numberOf = (operand: Operand): number =>
  typeof operand === 'bigint' ? Number(BigInt.asUintN(26, operand)) : operand;
const pair = (first: number, second: number): number => first * HALF + second;

type Key = number | Instruction['op'];

/**
 * The same for all that computes the same, and for little else, since whatever has a key is gone through; undefined for what
 * must not be shared.
 */
function keyOf(instruction: Instruction): Key | undefined {
  switch (instruction.op) {
    case 'binary': {
      const [left, right] = [numberOf(instruction.left), numberOf(instruction.right)];
      return COMMUTATIVE.has(instruction.operator) && right < left ? pair(right, left) : pair(left, right);
    }
    case 'zext':
    case 'trunc':
    case 'sext':
    case 'swap':
      return numberOf(instruction.value);
    case 'load':
      return instruction.region === 'settings' || instruction.region === 'context'
        ? pair(numberOf(instruction.base), instruction.offset)
        : undefined;
    case 'sectionAddress':
      return instruction.offset;
    case 'stackAddress':
    case 'mapAddress':
    case 'functionAddress':
      return instruction.op;
    case 'helper':
      return instruction.pure ? 'helper' : undefined;
    default:
      return undefined;
  }
}

/** A computation that dominates what is looked at. */
interface Known {
  readonly instruction: Instruction;
  readonly result: ValueId;
  /** The state that it read. */
  readonly version: number;
}

class Numbering {
  private readonly replaced = new Replacements();
  private readonly kept: ByBlock<Block>;
  private readonly known = new Map<Key, Known[]>();
  private readonly blocks;
  private readonly children;
  private readonly fieldsOnEntry;
  private readonly pointersOnEntry;

  constructor(private readonly fn: IrFunction) {
    this.kept = new ByBlock<Block>(fn);
    this.blocks = blocksById(fn);
    this.children = dominatorTree(fn).children;
    this.fieldsOnEntry = versionsOnEntry(fn, writesContext);
    this.pointersOnEntry = versionsOnEntry(fn, endsPointers);
  }

  /** Gives the lists that the block added to. */
  private visit(block: Block): readonly Known[][] {
    const { id } = block;
    const own: Known[][] = [];
    let fields = this.fieldsOnEntry.get(id) ?? START;
    let pointers = this.pointersOnEntry.get(id) ?? START;
    const instructions: Instruction[] = [];
    for (const [index, original] of block.instructions.entries()) {
      const instruction = mapOperands(original, this.replaced.resolve);
      const readsContext = instruction.op === 'load' && instruction.region === 'context';
      const version = readsContext ? (instruction.pointer ? pointers : fields) : START;
      if (!this.isKnown(instruction, version, own)) instructions.push(instruction);
      if (writesContext(original)) fields = behind(id, index);
      if (endsPointers(original)) pointers = behind(id, index);
    }
    const terminator = mapTerminatorOperands(block.terminator, this.replaced.resolve);
    this.kept.set(id, withBody(block, unlessSame(block.instructions, instructions), terminator));
    return own;
  }

  /** Down the dominator tree, which is as deep as a chain of tests is long: with a stack of its own. */
  private visitAll(): void {
    type Step = { readonly enter: Block } | { readonly leave: readonly Known[][] };
    const work: Step[] = [{ enter: entryOf(this.fn) }];
    for (let step = work.pop(); step !== undefined; step = work.pop()) {
      if ('leave' in step) {
        for (const list of step.leave) list.pop();
        continue;
      }
      work.push({ leave: this.visit(step.enter) });
      for (const child of this.children.get(step.enter.id)?.toReversed() ?? []) {
        const next = this.blocks.get(child);
        if (next !== undefined) work.push({ enter: next });
      }
    }
  }

  /** Whether the result of an instruction is known; if not, it is from now on, and its list in `own`. */
  private isKnown(instruction: Instruction, version: number, own: Known[][]): boolean {
    const key = keyOf(instruction);
    const result = resultOf(instruction);
    if (key === undefined || result === undefined) return false;
    const list = this.known.get(key) ?? [];
    for (const known of list) {
      if (known.version !== version || !isSame(known.instruction, instruction)) continue;
      this.replaced.set(result, known.result);
      return true;
    }
    if (list.length === 0) this.known.set(key, list);
    list.push({ instruction, result, version });
    own.push(list);
    return false;
  }

  run(): IrFunction {
    this.visitAll();
    const numbered = mapUnlessSame(this.fn.blocks, (block) => this.kept.get(block.id) ?? block);
    return replacedEverywhere(this.replaced, withBlocks(this.fn, numbered));
  }
}

export const numberValues = (fn: IrFunction): IrFunction => new Numbering(fn).run();
