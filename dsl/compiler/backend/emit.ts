/** Laid-out functions to the slots of a program, with jumps and calls resolved. */
import type { FunctionImage, ProgramImage, ProgramKind, Relocation, ValueName } from '../../object/image.ts';
import { encode, type Instruction } from '../../object/instruction.ts';
import type { Condition } from '../ir/ir.ts';
import type { Span } from '../tree/tree.ts';
import { CallDepths } from './depth.ts';
import {
  canJumpOn,
  encodeBranch,
  encodeExit,
  encodeInstruction,
  encodeJump,
  encodeLongJump,
  INVERSE,
} from './encode.ts';
import { layOutFrame } from './frame.ts';
import { LineTable } from './lines.ts';
import {
  type AddressTarget,
  defined,
  type MachineFunction,
  type MachineInstruction,
  type MachineTerminator,
} from './machine.ts';
import type { SourceNames } from './names.ts';
import { BackendError, FURTHEST, fitsOffset, type Target } from './target.ts';

interface Fixup {
  readonly slot: number;
  readonly block: number;
}

/** Every jump of a function far, or near as long as 16 bits reach. */
type Reach = 'near' | 'far';

class Emitter {
  private readonly slots: Instruction[] = [];
  private readonly relocations: Relocation[] = [];
  private readonly functions: FunctionImage[] = [];
  private readonly calls: { readonly slot: number; readonly function: string }[] = [];
  private readonly lines: LineTable;
  private readonly depths: CallDepths;
  private readonly names: ValueName[] = [];
  private reach: Reach = 'near';

  constructor(
    private readonly program: string,
    private readonly target: Target,
    sources: ReadonlyMap<string, string>,
    private readonly sourceNames?: SourceNames,
  ) {
    this.lines = new LineTable(sources);
    this.depths = new CallDepths(program);
  }

  private push(instructions: readonly Instruction[], span: Span | undefined): void {
    this.lines.add(this.slots.length, span);
    this.slots.push(...instructions);
  }

  /** A constant or an address is part of many expressions and the whole of none, unless a variable has it. */
  private name(slot: number, instruction: MachineInstruction): void {
    if (!this.sourceNames || defined(instruction).length === 0) return;
    const name = this.sourceNames.nameOf(instruction.span);
    const part = instruction.op === 'constant' || instruction.op === 'relocated';
    if (name && (name.variable || !part)) this.names.push({ slot, ...name });
  }

  private jump(instruction: Instruction, block: number, span: Span | undefined, fixups: Fixup[]): void {
    fixups.push({ slot: this.slots.length, block });
    this.push([instruction], span);
  }

  /** A jump whose distance may not fit 16 bits; a conditional one then jumps over it on the opposite condition. */
  private goto(block: number, span: Span | undefined, fixups: Fixup[]): void {
    this.jump(this.reach === 'far' ? encodeLongJump() : encodeJump(), block, span, fixups);
  }

  private branch(
    terminator: Extract<MachineTerminator, { op: 'branch' }>,
    condition: Condition,
    to: number,
    fixups: Fixup[],
  ): void {
    const { span } = terminator;
    if (this.reach === 'near') {
      this.jump(encodeBranch(terminator, condition, this.target), to, span, fixups);
      return;
    }
    // Over the short jump that goes past the long one, so that every condition will do.
    this.push([{ ...encodeBranch(terminator, condition, this.target), offset: 1 }], span);
    this.push([{ ...encodeJump(), offset: 1 }], span);
    this.goto(to, span, fixups);
  }

  /** `next` is the block that follows in the layout. */
  private terminator(terminator: MachineTerminator, next: number | undefined, fixups: Fixup[]): void {
    const { span } = terminator;
    switch (terminator.op) {
      case 'exit':
        this.push([encodeExit()], span);
        break;
      case 'jump':
        if (terminator.to !== next) this.goto(terminator.to, span, fixups);
        break;
      case 'branch': {
        const { condition, then, otherwise } = terminator;
        const inverse = INVERSE[condition];
        if (then === next && inverse && canJumpOn(inverse, terminator.right, this.target)) {
          this.branch(terminator, inverse, otherwise, fixups);
          break;
        }
        this.branch(terminator, condition, then, fixups);
        if (otherwise !== next) this.goto(otherwise, span, fixups);
        break;
      }
    }
  }

  function(fn: MachineFunction, isEntry: boolean): void {
    const frame = layOutFrame(this.program, fn.name, fn.slots, fn.blocks);
    this.depths.add(fn, frame);
    // A block ends in four slots at most where all jumps are far.
    this.reach = this.target.v4 && fn.blocks.length * 4 + slotsOf(fn) > FURTHEST ? 'far' : 'near';
    const encoding = { name: fn.name, target: this.target, frame };
    const start = this.slots.length;
    const names = Array.from({ length: fn.parameters }, (_, index) => `arg${index}`);
    this.functions.push({ name: fn.name, slot: start, parameters: isEntry ? ['ctx'] : names });
    this.lines.startFunction(start);
    const places = new Map<number, number>();
    const fixups: Fixup[] = [];
    fn.blocks.forEach((block, index) => {
      places.set(block.id, this.slots.length);
      for (const instruction of block.instructions) {
        const slot = this.slots.length;
        if (instruction.op === 'relocated' || instruction.op === 'setting')
          this.refer(slot, instruction.target);
        if (instruction.op === 'call' && 'function' in instruction.target)
          this.calls.push({ slot, function: instruction.target.function });
        this.name(slot, instruction);
        this.push(encodeInstruction(instruction, encoding), instruction.span);
      }
      this.terminator(block.terminator, fn.blocks[index + 1]?.id, fixups);
    });
    this.lines.endFunction();
    for (const { slot, block } of fixups) this.resolve(slot, places.get(block) ?? 0, fn.name);
  }

  private refer(slot: number, target: AddressTarget): void {
    if (target.kind === 'function') this.calls.push({ slot, function: target.name });
    else this.relocations.push({ slot, target });
  }

  private resolve(slot: number, to: number, name: string): void {
    const instruction = this.slots[slot];
    const offset = to - slot - 1;
    if (instruction && this.reach === 'far') {
      this.slots[slot] = { ...instruction, imm: offset };
      return;
    }
    if (!fitsOffset(offset))
      throw new BackendError(
        `program ${this.program}: a jump in function ${name} spans ${offset} instructions, the limit is 32767: ` +
          'move a part into a noinline function, or compile for v4 (kernel 6.6 and later)',
      );
    if (instruction) this.slots[slot] = { ...instruction, offset };
  }

  /** What the verifier has room for in one program. */
  private checkParts(): void {
    const maps = new Set(this.relocations.map(({ target }) => target.name)).size;
    const functions = this.functions.length;
    const problem =
      maps > MOST_MAPS
        ? `uses ${maps} maps, settings and globals among them, the kernel allows ${MOST_MAPS}: put several values into one map`
        : functions > MOST_FUNCTIONS
          ? `has ${functions} functions that are not inlined, the kernel allows ${MOST_FUNCTIONS}: let some be inlined`
          : undefined;
    if (problem !== undefined) throw new BackendError(`program ${this.program} ${problem}`);
  }

  finish(kind: ProgramKind): ProgramImage {
    this.depths.check();
    this.checkParts();
    const places = new Map(this.functions.map((fn) => [fn.name, fn.slot]));
    for (const { slot, function: name } of this.calls) {
      const to = places.get(name);
      const instruction = this.slots[slot];
      if (to === undefined || !instruction)
        throw new BackendError(`program ${this.program} calls ${name}, which it doesn't contain`);
      this.slots[slot] = { ...instruction, imm: to - slot - 1 };
    }
    return {
      name: this.program,
      kind,
      code: encode(this.slots),
      relocations: this.relocations,
      functions: this.functions,
      lines: this.lines.finish(),
      ...(this.sourceNames && { names: this.names }),
    };
  }
}

/** MAX_USED_MAPS and BPF_MAX_SUBPROGS, include/linux/bpf_verifier.h. */
const MOST_MAPS = 64;
const MOST_FUNCTIONS = 256;

const SLOTS: Readonly<Partial<Record<MachineInstruction['op'], number>>> = {
  constant: 2,
  relocated: 2,
  frameAddress: 2,
  setting: 3,
};

/** Slots that a function's instructions take at most, its jumps aside. */
const slotsOf = (fn: MachineFunction): number =>
  fn.blocks.flatMap((block) => block.instructions).reduce((sum, { op }) => sum + (SLOTS[op] ?? 1), 0);

/** Emits a program whose functions, the entry first, are allocated and laid out. */
export function emit(
  program: string,
  kind: ProgramKind,
  functions: readonly MachineFunction[],
  target: Target,
  sources: ReadonlyMap<string, string>,
  names?: SourceNames,
): ProgramImage {
  const emitter = new Emitter(program, target, sources, names);
  functions.forEach((fn, index) => {
    emitter.function(fn, index === 0);
  });
  return emitter.finish(kind);
}
