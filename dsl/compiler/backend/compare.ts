/** Instructions and terminators that do the same, whatever source lines they came from. */
import type { Address, MachineInstruction, MachineTerminator, Source } from './machine.ts';

type Part = MachineInstruction | MachineTerminator;

export const mix = (hash: number, value: number): number => (Math.imul(hash, 31) + value) | 0;

const hashOfSource = (source: Source): number =>
  'register' in source ? source.register : mix(source.imm, 1);

const hashOfAddress = (address: Address): number =>
  mix(address.offset, 'register' in address ? address.register : address.slot);

/** What a part does, in a number: the same for two that do the same, and seldom for others. */
export function hashOf(part: Part): number {
  switch (part.op) {
    case 'move':
    case 'move32':
    case 'moveSigned':
      return mix(mix(part.op.length, part.to), part.from);
    case 'constant':
      return mix(part.to, Number(BigInt.asIntN(32, part.value)));
    case 'alu':
      return mix(mix(part.operator.length, part.to), hashOfSource(part.source));
    case 'load':
      return mix(part.to, hashOfAddress(part.from));
    case 'store':
      return mix(hashOfAddress(part.to), hashOfSource(part.source));
    case 'setting':
    case 'frameAddress':
      return mix(part.to, part.offset);
    case 'relocated':
    case 'swap':
      return part.to;
    case 'atomic':
      return mix(hashOfAddress(part.at), part.value);
    case 'call':
      return part.arguments;
    case 'jump':
      return part.to;
    case 'branch':
      return mix(mix(mix(part.then, part.otherwise), part.left), hashOfSource(part.right));
    case 'exit':
      return 1;
  }
}

type Fields = Readonly<Record<string, unknown>>;

const haveFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

/** Whether two values have the same fields all the way down, `span` aside. */
function areSame(left: unknown, right: unknown): boolean {
  if (!haveFields(left) || !haveFields(right)) return left === right;
  for (const key in left) if (key !== 'span' && !areSame(left[key], right[key])) return false;
  for (const key in right)
    if (key !== 'span' && left[key] === undefined && right[key] !== undefined) return false;
  return true;
}

export const areAlike = (left: Part, right: Part): boolean =>
  left === right || (left.op === right.op && areSame(left, right));

/** Groups of things that are alike. */
export class Groups<T> {
  private readonly byHash = new Map<number, T[][]>();

  constructor(
    private readonly hashOf: (thing: T) => number,
    private readonly alike: (left: T, right: T) => boolean,
  ) {}

  /** Adds a thing; the group that it's now in, itself last. */
  add(thing: T): readonly T[] {
    const hash = this.hashOf(thing);
    const groups = this.byHash.get(hash);
    const known = groups?.find(([first]) => first !== undefined && this.alike(first, thing));
    if (known !== undefined) {
      known.push(thing);
      return known;
    }
    const group = [thing];
    if (groups === undefined) this.byHash.set(hash, [group]);
    else groups.push(group);
    return group;
  }
}
