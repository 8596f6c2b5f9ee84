/**
 * Functions that differ in their constants and in where they stand in the source, and in nothing else. What follows
 * selection asks of constants whether they are equal, and whether 32 bits hold one that is moved: where the answers are
 * the same, one function's code is the other's with its own constants in it.
 */
import type { Span } from '../tree/tree.ts';
import {
  isShort,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  type MachineTerminator,
  type Source,
} from './machine.ts';

/** Pairs of constants, one of each function: equal ones are paired with equal ones. */
class Pairs<T> {
  private readonly others = new Map<T, T>();
  private readonly taken = new Set<T>();

  /** Whether the two are a pair, or can become one. */
  add(own: T, other: T): boolean {
    if (this.others.has(own)) return this.others.get(own) === other;
    if (this.taken.has(other)) return false;
    this.others.set(own, other);
    this.taken.add(other);
    return true;
  }

  /** The other one of a pair. Throws where there is none. */
  of(own: T): T {
    const other = this.others.get(own);
    if (other === undefined) throw new Error(`the constant ${own} is not in the function that was selected`);
    return other;
  }
}

type Part = MachineInstruction | MachineTerminator;
type Fields = Readonly<Record<string, unknown>>;

const haveFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

export class Likeness {
  private readonly immediates = new Pairs<number>();
  private readonly constants = new Pairs<bigint>();
  /** Of what the one function has at each place, where the other one has it. */
  private readonly spans = new Map<Span, Span | undefined>();

  private constructor() {}

  /** How another function is like the first; undefined where it isn't. Their names don't count. */
  static between(first: MachineFunction, other: MachineFunction): Likeness | undefined {
    const likeness = new Likeness();
    return likeness.holds(first, other) ? likeness : undefined;
  }

  private holds(first: MachineFunction, other: MachineFunction): boolean {
    return (
      first.nextRegister === other.nextRegister &&
      first.parameters === other.parameters &&
      first.blocks.length === other.blocks.length &&
      this.fieldsHold(first.slots, other.slots) &&
      first.blocks.every((block, place) => {
        const same = other.blocks[place];
        return same !== undefined && this.blockHolds(block, same);
      })
    );
  }

  private blockHolds(first: MachineBlock, other: MachineBlock): boolean {
    return (
      first.id === other.id &&
      first.frequency === other.frequency &&
      first.instructions.length === other.instructions.length &&
      first.instructions.every((part, place) => {
        const same = other.instructions[place];
        return same !== undefined && this.partHolds(part, same);
      }) &&
      this.partHolds(first.terminator, other.terminator)
    );
  }

  private partHolds(first: Part, other: Part): boolean {
    if (first.op !== other.op || !this.fieldsHold(first, other)) return false;
    if (first.span === undefined) return other.span === undefined;
    if (!this.spans.has(first.span)) this.spans.set(first.span, other.span);
    return this.spans.get(first.span) === other.span;
  }

  /** Of a part's fields and all in them, `span` aside. */
  private fieldsHold(first: unknown, other: unknown): boolean {
    if (!haveFields(first) || !haveFields(other)) return first === other;
    for (const name in first)
      if (name !== 'span' && !this.fieldHolds(name, first[name], other[name])) return false;
    for (const name in other)
      if (name !== 'span' && first[name] === undefined && other[name] !== undefined) return false;
    return true;
  }

  private fieldHolds(name: string, first: unknown, other: unknown): boolean {
    if (name === 'imm' && typeof first === 'number' && typeof other === 'number')
      return this.immediates.add(first, other);
    if (typeof first === 'bigint' && typeof other === 'bigint')
      return isShort(first) === isShort(other) && this.constants.add(first, other);
    return this.fieldsHold(first, other);
  }

  /** What was made of the first function as it would be made of the other one. */
  applied(made: MachineFunction, name: string): MachineFunction {
    const blocks = made.blocks.map((block) => ({
      ...block,
      instructions: block.instructions.map((instruction) => this.instruction(instruction)),
      terminator: this.terminator(block.terminator),
    }));
    return { ...made, name, blocks };
  }

  private instruction(instruction: MachineInstruction): MachineInstruction {
    const span = this.spanOf(instruction);
    switch (instruction.op) {
      case 'constant':
        return { ...instruction, value: this.constants.of(instruction.value), span };
      case 'alu':
      case 'store':
        return { ...instruction, source: this.source(instruction.source), span };
      default:
        return { ...instruction, span };
    }
  }

  private terminator(terminator: MachineTerminator): MachineTerminator {
    const span = this.spanOf(terminator);
    return terminator.op === 'branch'
      ? { ...terminator, right: this.source(terminator.right), span }
      : { ...terminator, span };
  }

  private source(source: Source): Source {
    return 'imm' in source ? { imm: this.immediates.of(source.imm) } : source;
  }

  private spanOf({ span }: Part): Span | undefined {
    return span && this.spans.get(span);
  }
}
