/**
 * Random IR functions for property tests: scalar operations, branches, bounded loops, memory in `.bss` and on the
 * stack, atomics and helper calls over more variables than the machine has registers.
 */
import fc from 'fast-check';
import type { AtomicOperator } from '../tree/tree.ts';
import type {
  BinaryOperator,
  Block,
  Bytes,
  Condition,
  Instruction,
  IrFunction,
  Operand,
  Width,
} from './ir.ts';

/** Bytes of `.bss` that generated functions use. */
export const GLOBAL_BYTES = 64;
const STACK_BYTES = 32;

type Source = { readonly variable: number } | { readonly constant: bigint };
type Where = 'global' | 'stack';

type Statement =
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly width: Width;
      readonly to: number;
      readonly left: Source;
      readonly right: Source;
    }
  | {
      readonly kind: 'convert';
      readonly how: Conversion;
      readonly to: number;
      readonly from: Source;
    }
  | {
      readonly kind: 'memory';
      readonly store: boolean;
      readonly where: Where;
      readonly bytes: Bytes;
      readonly at: number;
      readonly variable: number;
      readonly value: Source;
    }
  | {
      readonly kind: 'atomic';
      readonly operator: AtomicOperator;
      readonly width: Width;
      readonly where: Where;
      readonly at: number;
      readonly fetch: boolean;
      readonly to: number;
      readonly value: Source;
      readonly expected: Source;
    }
  | { readonly kind: 'helper'; readonly to: number }
  | {
      readonly kind: 'if';
      readonly condition: Condition;
      readonly width: Width;
      readonly left: Source;
      readonly right: Source;
      readonly likely: boolean | undefined;
      readonly whenTrue: readonly Statement[];
      readonly whenFalse: readonly Statement[];
    }
  | { readonly kind: 'loop'; readonly rounds: number; readonly body: readonly Statement[] };

const BINARY: readonly BinaryOperator[] = [
  ...(['add', 'sub', 'mul', 'udiv', 'sdiv', 'umod', 'smod'] as const),
  ...(['and', 'or', 'xor', 'shl', 'lshr', 'ashr'] as const),
];
const CONDITIONS: readonly Condition[] = [
  ...(['eq', 'ne', 'ult', 'ule', 'ugt', 'uge', 'slt', 'sle', 'sgt', 'sge', 'test'] as const),
];
/** A number: sign extension from so many bits. */
const CONVERSIONS = ['zext', 'trunc', 8, 16, 32, 'swap16', 'swap32', 'swap64'] as const;
type Conversion = (typeof CONVERSIONS)[number];
const ATOMICS: readonly AtomicOperator[] = ['add', 'and', 'or', 'xor', 'exchange', 'compareExchange'];
/** bpf_get_smp_processor_id: clobbers r0 to r5; shifted right it gives 0 on any CPU. */
const HELPER = { id: 8, name: 'getSmpProcessorId' };

const constant: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt(-4n, 70n),
  fc.constantFrom(0xffn, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 0x1_0000_0000n, 1n << 63n, -(1n << 31n)),
  fc.bigInt(0n, (1n << 64n) - 1n),
);
const variable = fc.nat({ max: 30 });
const source: fc.Arbitrary<Source> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ variable }) },
  { weight: 1, arbitrary: fc.record({ constant }) },
);
const width = fc.constantFrom<Width>(32, 64);
const where = fc.constantFrom<Where>('global', 'stack');

const statements = fc.letrec<{ list: Statement[]; one: Statement }>((tie) => ({
  list: fc.array(tie('one'), { maxLength: 8 }),
  one: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('binary' as const),
        operator: fc.constantFrom(...BINARY),
        width,
        to: variable,
        left: source,
        right: source,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('convert' as const),
        how: fc.constantFrom(...CONVERSIONS),
        to: variable,
        from: source,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('memory' as const),
        store: fc.boolean(),
        where,
        bytes: fc.constantFrom<Bytes>(1, 2, 4, 8),
        at: fc.nat({ max: 3 }),
        variable,
        value: source,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('atomic' as const),
        operator: fc.constantFrom(...ATOMICS),
        width,
        where,
        at: fc.nat({ max: 3 }),
        fetch: fc.boolean(),
        to: variable,
        value: source,
        expected: source,
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('helper' as const), to: variable }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('if' as const),
        condition: fc.constantFrom(...CONDITIONS),
        width,
        left: source,
        right: source,
        likely: fc.constantFrom(undefined, true, false),
        whenTrue: tie('list'),
        whenFalse: tie('list'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('loop' as const),
        rounds: fc.integer({ min: 1, max: 4 }),
        body: tie('list'),
      }),
    },
  ),
}));

class Builder {
  private readonly widths: Width[] = [];
  private readonly blocks: Block[] = [];
  private blockCount = 1;
  private current = { id: 0, parameters: [] as number[], instructions: [] as Instruction[] };
  private state: Operand[];

  /** Even variables are 64 bits wide, odd ones 32. */
  constructor(private readonly count: number) {
    this.state = Array.from({ length: count }, () => 0n);
  }

  private value(of: Width): number {
    return this.widths.push(of) - 1;
  }

  private emit(instruction: Instruction): void {
    this.current.instructions.push(instruction);
  }

  private widthOf(variable: number): Width {
    return variable % 2 === 0 ? 64 : 32;
  }

  /** The number of a variable of the wanted width. */
  private index(wanted: number, of: Width): number {
    const index = wanted % this.count;
    return this.widthOf(index) === of ? index : (index + 1) % (this.count & ~1);
  }

  private read(from: Source, of: Width): Operand {
    if ('constant' in from) return BigInt.asUintN(of, from.constant);
    return this.state[this.index(from.variable, of)] ?? 0n;
  }

  private write(to: number, of: Width): number {
    const result = this.value(of);
    this.state[this.index(to, of)] = result;
    return result;
  }

  private close(terminator: Block['terminator']): void {
    this.blocks.push({ ...this.current, terminator });
  }

  private open(id: number, parameters: number[] = []): void {
    this.current = { id, parameters, instructions: [] };
  }

  private address(at: Where): number {
    const result = this.value(64);
    this.emit(
      at === 'stack'
        ? { op: 'stackAddress', slot: 0, result }
        : { op: 'sectionAddress', section: '.bss', offset: 0, result },
    );
    return result;
  }

  private parameters(): number[] {
    return this.state.map((_, index) => this.value(this.widthOf(index)));
  }

  private convert(statement: Extract<Statement, { kind: 'convert' }>): void {
    const { how, to, from } = statement;
    switch (how) {
      case 'zext': {
        const value = this.read(from, 32);
        this.emit({ op: 'zext', value, result: this.write(to, 64) });
        break;
      }
      case 'trunc': {
        const value = this.read(from, 64);
        this.emit({ op: 'trunc', value, result: this.write(to, 32) });
        break;
      }
      case 'swap64': {
        const value = this.read(from, 64);
        this.emit({ op: 'swap', bits: 64, value, result: this.write(to, 64) });
        break;
      }
      case 'swap16':
      case 'swap32': {
        const value = this.read(from, 32);
        this.emit({ op: 'swap', bits: how === 'swap16' ? 16 : 32, value, result: this.write(to, 32) });
        break;
      }
      default: {
        const value = this.read(from, 32);
        const of = how === 32 ? 64 : 32;
        this.emit({ op: 'sext', from: how, width: of, value, result: this.write(to, of) });
      }
    }
  }

  private statement(statement: Statement): void {
    switch (statement.kind) {
      case 'binary': {
        const { operator, width: of } = statement;
        const [left, right] = [this.read(statement.left, of), this.read(statement.right, of)];
        this.emit({ op: 'binary', operator, width: of, left, right, result: this.write(statement.to, of) });
        break;
      }
      case 'convert':
        this.convert(statement);
        break;
      case 'memory': {
        const { bytes, where: region } = statement;
        const access = { bytes, region, base: this.address(region), offset: statement.at * 8 };
        const of = bytes === 8 ? 64 : 32;
        if (statement.store) this.emit({ op: 'store', ...access, value: this.read(statement.value, of) });
        else this.emit({ op: 'load', ...access, result: this.write(statement.variable, of) });
        break;
      }
      case 'atomic': {
        const { operator, width: of, where: region } = statement;
        const base = this.address(region);
        const value = this.read(statement.value, of);
        const expected =
          operator === 'compareExchange' ? { expected: this.read(statement.expected, of) } : {};
        const result = statement.fetch ? { result: this.write(statement.to, of) } : {};
        const at = { region, base, offset: statement.at * 8 };
        this.emit({ op: 'atomic', operator, width: of, ...at, value, ...expected, ...result });
        break;
      }
      case 'helper': {
        const cpu = this.value(64);
        const call = { arguments: [], invalidatesPacket: false, pure: false };
        this.emit({ op: 'helper', ...HELPER, ...call, result: cpu });
        const result = this.write(statement.to, 64);
        this.emit({ op: 'binary', operator: 'lshr', width: 64, left: cpu, right: 20n, result });
        break;
      }
      case 'if':
        this.branch(statement);
        break;
      case 'loop':
        this.loop(statement);
        break;
    }
  }

  private branch(statement: Extract<Statement, { kind: 'if' }>): void {
    const { condition, width: of, likely } = statement;
    const [then, otherwise, join] = [this.blockCount++, this.blockCount++, this.blockCount++];
    this.close({
      op: 'branch',
      condition,
      width: of,
      left: this.read(statement.left, of),
      right: this.read(statement.right, of),
      then: { block: then, arguments: [] },
      otherwise: { block: otherwise, arguments: [] },
      ...(likely === undefined ? {} : { likely }),
    });
    const before = [...this.state];
    const sides = [
      [then, statement.whenTrue],
      [otherwise, statement.whenFalse],
    ] as const;
    for (const [id, list] of sides) {
      this.open(id);
      this.state = [...before];
      this.list(list);
      this.close({ op: 'jump', to: { block: join, arguments: [...this.state] } });
    }
    const joined = this.parameters();
    this.state = [...joined];
    this.open(join, joined);
  }

  private loop(statement: Extract<Statement, { kind: 'loop' }>): void {
    const [header, body, exit] = [this.blockCount++, this.blockCount++, this.blockCount++];
    this.close({ op: 'jump', to: { block: header, arguments: [0n, ...this.state] } });
    const counter = this.value(64);
    const state = this.parameters();
    this.state = [...state];
    this.open(header, [counter, ...state]);
    const rounds = BigInt(statement.rounds);
    const edges = { then: { block: body, arguments: [] }, otherwise: { block: exit, arguments: [] } };
    this.close({ op: 'branch', condition: 'ult', width: 64, left: counter, right: rounds, ...edges });
    this.open(body);
    this.list(statement.body);
    const result = this.value(64);
    this.emit({ op: 'binary', operator: 'add', width: 64, left: counter, right: 1n, result });
    this.close({ op: 'jump', to: { block: header, arguments: [result, ...this.state] } });
    this.state = [...state];
    this.open(exit);
  }

  private list(list: readonly Statement[]): void {
    for (const statement of list) this.statement(statement);
  }

  build(list: readonly Statement[]): IrFunction {
    const context = this.value(64);
    // Starting values come from memory: nothing folds, and every variable is live from here to the end.
    const base = this.address('global');
    this.state = this.state.map((_, index) => {
      const result = this.value(this.widthOf(index));
      const bytes = this.widthOf(index) === 64 ? 8 : 4;
      this.emit({ op: 'load', bytes, region: 'global', base, offset: (index * 8) % GLOBAL_BYTES, result });
      return result;
    });
    for (let offset = 0; offset < STACK_BYTES; offset += 8)
      this.emit({ op: 'store', bytes: 8, region: 'stack', base: this.address('stack'), offset, value: 0n });
    this.list(list);
    const folded = this.state.reduce<Operand>((sum, operand, index) => {
      let value = operand;
      if (this.widthOf(index) === 32) {
        const result = this.value(64);
        this.emit({ op: 'zext', value, result });
        value = result;
      }
      const rotated = this.value(64);
      this.emit({ op: 'binary', operator: 'mul', width: 64, left: sum, right: 31n, result: rotated });
      const result = this.value(64);
      this.emit({ op: 'binary', operator: 'xor', width: 64, left: rotated, right: value, result });
      return result;
    }, 0n);
    this.close({ op: 'return', value: folded });
    const blocks = [...this.blocks].sort((left, right) => left.id - right.id);
    const slots = [{ id: 0, size: STACK_BYTES, alignment: 8 }];
    return { name: 'random', parameters: [context], blocks, slots, widths: this.widths };
  }
}

/** Random functions; they take a context that they don't use and return 64 bits. */
export const irFunction: fc.Arbitrary<IrFunction> = fc
  .record({
    variables: fc.integer({ min: 2, max: 16 }),
    body: fc.array(statements.one, { maxLength: 25, size: 'max' }),
  })
  .map(({ variables, body }) => new Builder(variables).build(body));

/** Starting contents of `.bss`. */
export const globalContents: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ minLength: GLOBAL_BYTES, maxLength: GLOBAL_BYTES }),
  fc.constant(new Uint8Array(GLOBAL_BYTES)),
  fc.constant(new Uint8Array(GLOBAL_BYTES).fill(0xff)),
);
