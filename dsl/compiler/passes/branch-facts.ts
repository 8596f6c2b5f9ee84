/**
 * What is known to hold on entry to a block, from the branches that dominate it, and which comparisons that decides.
 * It infers no more than the kernel's verifier does on the same path (kernel/bpf/verifier.c, reg_set_min_max and
 * find_good_pkt_pointers), so that leaving out a decided check loses nothing the verifier needs.
 */
import { blocksById, dominatorTree, predecessors, remembered } from '../ir/analysis.ts';
import { type Condition, MIRRORED, type Operand, type Terminator, type Width } from '../ir/ir.ts';
import { evaluateCondition, larger, ones, smaller } from './arithmetic.ts';
import { largest, type Producer } from './known-bits.ts';

/** A comparison; as a fact, one that holds. */
export interface Comparison {
  readonly condition: Condition;
  readonly width: Width;
  readonly left: Operand;
  readonly right: Operand;
}

const NEGATED: Readonly<Record<Exclude<Condition, 'test'>, Condition>> = {
  eq: 'ne',
  ne: 'eq',
  ult: 'uge',
  uge: 'ult',
  ule: 'ugt',
  ugt: 'ule',
  slt: 'sge',
  sge: 'slt',
  sle: 'sgt',
  sgt: 'sle',
};

/** What holds behind one edge of a terminator. */
export function factBehind(terminator: Terminator, taken: boolean): readonly Comparison[] {
  if (terminator.op !== 'branch') {
    return [];
  }
  const { condition, width, left, right } = terminator;
  if (taken) {
    return [{ condition, width, left, right }];
  }
  return condition === 'test' ? [] : [{ condition: NEGATED[condition], width, left, right }];
}

/** For each block, the comparisons that hold whenever it is entered, nearest first. Blocks with the same ones share a list. */
export const factsOnEntry = remembered((fn): ReadonlyMap<number, readonly Comparison[]> => {
  const blocks = blocksById(fn);
  const before = predecessors(fn);
  const { immediate } = dominatorTree(fn);
  const known = new Map<number, readonly Comparison[]>();
  const factsOf = (id: number): readonly Comparison[] => {
    const done = known.get(id);
    if (done !== undefined) {
      return done;
    }
    const above = immediate.get(id);
    const inherited = above === undefined || above === id ? [] : factsOf(above);
    const [predecessor, ...others] = before.get(id) ?? [];
    const terminator = predecessor === undefined ? undefined : blocks.get(predecessor)?.terminator;
    const own =
      others.length === 0 && terminator?.op === 'branch'
        ? factBehind(terminator, terminator.then.block === id)
        : [];
    const facts = own.length === 0 ? inherited : [...own, ...inherited];
    known.set(id, facts);
    return facts;
  };
  for (const block of fn.blocks) {
    factsOf(block.id);
  }
  return known;
});

/** Orders of two numbers that satisfy a condition: less, equal, greater as bits, for one signedness. */
const LESS = 1;
const EQUAL = 2;
const GREATER = 4;
const ANY = LESS | EQUAL | GREATER;

function ordersOf(condition: Condition, signedness: 'u' | 's'): number {
  if (condition === 'eq') {
    return EQUAL;
  }
  if (condition === 'ne') {
    return LESS | GREATER;
  }
  if (condition === 'test' || condition[0] !== signedness) {
    return ANY;
  }
  const strict = condition[1] === 'l' ? LESS : GREATER;
  return condition.endsWith('e') ? strict | EQUAL : strict;
}

/** What facts about the same two operands say. */
function byOrder(test: Comparison, facts: readonly Comparison[]): boolean | undefined {
  for (const signedness of ['u', 's'] as const) {
    const wanted = ordersOf(test.condition, signedness);
    if (wanted === ANY) {
      continue;
    }
    let possible = test.left === test.right ? EQUAL : ANY;
    for (const fact of facts) {
      if (fact.width === test.width && fact.left === test.left && fact.right === test.right) {
        possible &= ordersOf(fact.condition, signedness);
      } else if (fact.width === test.width && fact.left === test.right && fact.right === test.left) {
        possible &= ordersOf(MIRRORED[fact.condition], signedness);
      }
    }
    if ((possible & ~wanted) === 0) {
      return true;
    }
    if ((possible & wanted) === 0) {
      return false;
    }
  }
  return undefined;
}

/** What unsigned bounds of the left operand say when the right one is a constant. */
function byRange(
  test: Comparison,
  right: bigint,
  facts: readonly Comparison[],
  producer: Producer,
): boolean | undefined {
  const { left, width, condition } = test;
  const range = producer.range?.(left);
  const lows: bigint[] = [range?.low ?? 0n];
  const highs: bigint[] = [range?.high ?? ones(width), largest(producer, left, width)];
  const excluded = new Set<bigint>();
  for (const fact of facts) {
    if (fact.left !== left || fact.width !== width || typeof fact.right !== 'bigint') {
      continue;
    }
    const bound = fact.right;
    switch (fact.condition) {
      case 'eq':
        lows.push(bound);
        highs.push(bound);
        break;
      case 'ne':
        excluded.add(bound);
        break;
      case 'ult':
        highs.push(bound - 1n);
        break;
      case 'ule':
        highs.push(bound);
        break;
      case 'ugt':
        lows.push(bound + 1n);
        break;
      case 'uge':
        lows.push(bound);
        break;
      default:
        break;
    }
  }
  const low = lows.reduce(larger);
  const high = highs.reduce(smaller);
  if (low > high) {
    return undefined;
  }
  const outside = right < low || right > high || excluded.has(right);
  switch (condition) {
    case 'eq':
      return outside ? false : low === high ? true : undefined;
    case 'ne':
      return outside ? true : low === high ? false : undefined;
    case 'test':
    case 'slt':
    case 'sle':
    case 'sgt':
    case 'sge':
      // Signed order is unsigned order where the sign bit is surely clear.
      if (condition === 'test' || high > ones(width - 1) || right > ones(width - 1)) {
        return undefined;
      }
      break;
    default:
      break;
  }
  const [atLow, atHigh] = [low, high].map((value) => evaluateCondition(condition, width, value, right));
  return atLow === atHigh ? atLow : undefined;
}

/** `operand` as a base and a constant added to it. */
function split(producer: Producer, operand: Operand): { readonly base: Operand; readonly offset: bigint } {
  const made = producer(operand);
  return made?.op === 'binary' && made.operator === 'add' && typeof made.right === 'bigint'
    ? { base: made.left, offset: BigInt.asIntN(64, made.right) }
    : { base: operand, offset: 0n };
}

/** Whether `operand` is the packet's start, or that plus something; such sums never wrap. */
export function isPacketPointer(producer: Producer, operand: Operand): boolean {
  const made = producer(operand);
  if (made?.op === 'load') {
    return made.pointer === true;
  }
  return made?.op === 'binary' && made.operator === 'add' && isPacketPointer(producer, made.left);
}

/** A bounds check that a larger one of the same pointer implies, or whose failure a smaller one's implies. */
function byPacketRange(
  test: Comparison,
  facts: readonly Comparison[],
  producer: Producer,
): boolean | undefined {
  if (test.condition !== 'ule' || test.width !== 64) {
    return undefined;
  }
  const wanted = split(producer, test.left);
  if (!isPacketPointer(producer, wanted.base)) {
    return undefined;
  }
  for (const fact of facts) {
    if (fact.width !== 64 || fact.right !== test.right) {
      continue;
    }
    const known = split(producer, fact.left);
    if (known.base !== wanted.base) {
      continue;
    }
    if (fact.condition === 'ule' && wanted.offset <= known.offset) {
      return true;
    }
    if (fact.condition === 'ugt' && wanted.offset >= known.offset) {
      return false;
    }
  }
  return undefined;
}

/** Whether `operand` is an address, which is never 0. */
export function isAddress(producer: Producer, operand: Operand): boolean {
  const made = producer(operand);
  switch (made?.op) {
    case 'stackAddress':
    case 'sectionAddress':
    case 'mapAddress':
    case 'functionAddress':
      return true;
    case 'load':
      return made.pointer === true;
    case 'binary':
      return made.operator === 'add' && made.width === 64 && isAddress(producer, made.left);
    default:
      return false;
  }
}

/** Whether `test` holds, given `facts`; undefined where they don't say. */
export function decide(
  test: Comparison,
  facts: readonly Comparison[],
  producer: Producer,
): boolean | undefined {
  const { condition, width, left, right } = test;
  if (typeof left === 'bigint') {
    return typeof right === 'bigint'
      ? evaluateCondition(condition, width, left, right)
      : decide({ condition: MIRRORED[condition], width, left: right, right: left }, facts, producer);
  }
  const isNullCheck = right === 0n && width === 64 && (condition === 'eq' || condition === 'ne');
  if (isNullCheck && isAddress(producer, left)) {
    return condition === 'ne';
  }
  return (
    byOrder(test, facts) ??
    (typeof right === 'bigint' ? byRange(test, right, facts, producer) : undefined) ??
    byPacketRange(test, facts, producer)
  );
}
