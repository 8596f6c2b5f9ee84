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
import type { Block, Instruction, IrFunction, Operand, ValueId } from '../ir/ir.ts';
import { mapOperands, mapUnlessSame, resultOf, unlessSame } from '../ir/visit.ts';
import { writes } from './effects.ts';
import { Replacements, withBlocks, withInstructions } from './rewrite.ts';

type Clobbers = (instruction: Instruction) => boolean;

const endsPointers: Clobbers = ({ op }) => op === 'helper' || op === 'call';

/** For each block, a name for the state on entry: the same name only where no clobber lies between. */
function versionsOnEntry(fn: IrFunction, clobbers: Clobbers): ReadonlyMap<number, string> {
  const before = predecessors(fn);
  const entry = new Map<number, string>();
  const last = new Map<number, string>();
  const clobbered = new Map<number, string>();
  for (const { id, instructions } of fn.blocks) {
    const at = instructions.findLastIndex(clobbers);
    if (at >= 0) clobbered.set(id, `${id}.${at}`);
  }
  const order = reversePostorder(fn);
  for (let changed = true; changed; ) {
    changed = false;
    for (const id of order) {
      const merged = `merge ${id}`;
      let version: string | undefined;
      for (const predecessor of before.get(id) ?? []) {
        const own = last.get(predecessor);
        version = version === undefined || own === undefined || own === version ? (own ?? version) : merged;
      }
      if (entry.get(id) === merged) version = merged;
      version ??= 'start';
      const exit = clobbered.get(id) ?? version;
      changed ||= entry.get(id) !== version || last.get(id) !== exit;
      entry.set(id, version);
      last.set(id, exit);
    }
  }
  return entry;
}

const COMMUTATIVE: ReadonlySet<string> = new Set(['add', 'mul', 'and', 'or', 'xor']);

const textOf = (operand: Operand): string => (typeof operand === 'bigint' ? `${operand}` : `%${operand}`);

/** The text that equal computations share; undefined for what must not be shared. */
function keyOf(instruction: Instruction, fields: string, pointers: string): string | undefined {
  switch (instruction.op) {
    case 'binary': {
      const { operator, width, left, right } = instruction;
      const [first, second] = [textOf(left), textOf(right)];
      return COMMUTATIVE.has(operator) && second < first
        ? `${operator} ${width} ${second} ${first}`
        : `${operator} ${width} ${first} ${second}`;
    }
    case 'zext':
    case 'trunc':
      return `${instruction.op} ${textOf(instruction.value)}`;
    case 'sext':
      return `sext ${instruction.from} ${instruction.width} ${textOf(instruction.value)}`;
    case 'swap':
      return `swap ${instruction.bits} ${textOf(instruction.value)}`;
    case 'load': {
      const { region, bytes, base, offset, pointer } = instruction;
      if (region !== 'settings' && region !== 'context') {
        return undefined;
      }
      const version = region === 'settings' ? '' : pointer ? pointers : fields;
      return `load ${region} ${bytes} ${base} ${offset} ${version}`;
    }
    case 'stackAddress':
      return `stack ${instruction.slot}`;
    case 'sectionAddress':
      return `section ${instruction.section} ${instruction.offset}`;
    case 'mapAddress':
      return `map ${instruction.map}`;
    case 'functionAddress':
      return `function ${instruction.function}`;
    case 'helper':
      return instruction.pure
        ? `helper ${instruction.id} ${instruction.arguments.map(textOf).join(' ')}`
        : undefined;
    default:
      return undefined;
  }
}

export function numberValues(fn: IrFunction): IrFunction {
  const blocks = blocksById(fn);
  const { children } = dominatorTree(fn);
  const writesContext: Clobbers = (instruction) => writes(instruction).includes('context');
  const fieldsOnEntry = versionsOnEntry(fn, writesContext);
  const pointersOnEntry = versionsOnEntry(fn, endsPointers);
  const replaced = new Replacements();
  const kept = new Map<number, Block>();

  /** What dominates the block being visited has computed. */
  const known = new Map<string, ValueId>();
  const visit = (id: number): void => {
    const block = blocks.get(id);
    if (block === undefined) {
      return;
    }
    const own: string[] = [];
    let fields = fieldsOnEntry.get(id) ?? '';
    let pointers = pointersOnEntry.get(id) ?? '';
    const instructions: Instruction[] = [];
    for (const [index, original] of block.instructions.entries()) {
      const instruction = mapOperands(original, replaced.resolve);
      const key = keyOf(instruction, fields, pointers);
      const result = resultOf(instruction);
      const same = key === undefined ? undefined : known.get(key);
      if (same !== undefined && result !== undefined) {
        replaced.set(result, same);
        continue;
      }
      if (key !== undefined && result !== undefined) {
        known.set(key, result);
        own.push(key);
      }
      fields = writesContext(original) ? `${id}.${index}` : fields;
      pointers = endsPointers(original) ? `${id}.${index}` : pointers;
      instructions.push(instruction);
    }
    kept.set(id, withInstructions(block, unlessSame(block.instructions, instructions)));
    for (const child of children.get(id) ?? []) {
      visit(child);
    }
    for (const key of own) {
      known.delete(key);
    }
  };
  visit(entryOf(fn).id);
  const numbered = mapUnlessSame(fn.blocks, (block) => kept.get(block.id) ?? block);
  return replaced.in(withBlocks(fn, numbered));
}
