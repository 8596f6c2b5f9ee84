/** Random functions of what passes look for, to be run on the model (model.ts) before a pass and after it. */
import fc from 'fast-check';
import type { Block, Edge, Instruction, IrFunction, Operand, ValueId, Width } from '../ir/ir.ts';
import { ones, unsigned } from './arithmetic.ts';
import { DATA, DATA_END, PULL } from './model.ts';

const OPERATORS = [
  ...(['add', 'sub', 'mul', 'udiv', 'sdiv', 'umod', 'smod'] as const),
  ...(['and', 'or', 'xor', 'shl', 'lshr', 'ashr'] as const),
];
const CONDITIONS = [
  ...(['eq', 'ne', 'ult', 'ule', 'ugt', 'uge', 'slt', 'sle', 'sgt', 'sge', 'test'] as const),
];
/** Constants at which identities and overflows lie. */
const CONSTANTS = [
  0n,
  1n,
  2n,
  3n,
  7n,
  8n,
  10n,
  31n,
  255n,
  256n,
  641n,
  1000n,
  0xffffn,
  0x8000_0000n,
  0xffff_fffen,
  0xffff_ffffn,
];

/** Random numbers that fast-check draws and shrinks. */
type Draw = (below: number) => number;

class Generator {
  readonly widths: Width[] = [64];
  constructor(private readonly draw: Draw) {}

  pick<T>(choices: readonly [T, ...T[]] | readonly T[]): T {
    const chosen = choices[this.draw(choices.length)];
    if (chosen === undefined) {
      throw new Error('nothing to pick from');
    }
    return chosen;
  }

  value(width: Width): ValueId {
    this.widths.push(width);
    return this.widths.length - 1;
  }

  operand(pool: readonly ValueId[], width: Width): Operand {
    const fitting = pool.filter((value) => this.widths[value] === width);
    if (fitting.length === 0 || this.draw(3) === 0) {
      const constant = this.pick(CONSTANTS);
      return this.draw(4) === 0 ? unsigned(-constant, width) : constant & ones(width);
    }
    // The latest values most of the time, so that chains grow.
    return this.draw(2) === 0 ? this.pick(fitting) : (fitting.at(-1) ?? this.pick(fitting));
  }

  instructions(pool: ValueId[]): readonly Instruction[] {
    const width: Width = this.draw(2) === 0 ? 32 : 64;
    const make = (of: Width): ValueId => {
      const made = this.value(of);
      pool.push(made);
      return made;
    };
    const hidden = (): ValueId => this.value(64);
    switch (this.draw(15)) {
      case 0: {
        const value = this.operand(pool, 32);
        return [{ op: 'zext', value, result: make(64) }];
      }
      case 1: {
        const value = this.operand(pool, 64);
        return [{ op: 'trunc', value, result: make(32) }];
      }
      case 2: {
        const from = this.pick([8, 16, 32] as const);
        const to: Width = from === 32 ? 64 : width;
        const value = this.operand(pool, 32);
        return [{ op: 'sext', from, width: to, value, result: make(to) }];
      }
      case 3: {
        const bits = this.pick([16, 32, 64] as const);
        const value = this.operand(pool, bits === 64 ? 64 : 32);
        return [{ op: 'swap', bits, value, result: make(bits === 64 ? 64 : 32) }];
      }
      case 4: {
        const offset = this.pick([0, 8, 32] as const);
        return [{ op: 'load', bytes: 4, region: 'context', base: 0, offset, result: make(32) }];
      }
      case 5: {
        const offset = this.pick([8, 32] as const);
        return [{ op: 'store', bytes: 4, region: 'context', base: 0, offset, value: this.operand(pool, 32) }];
      }
      case 6: {
        const [base, section] = [hidden(), this.pick(['.bss', '.rodata'] as const)];
        const bytes = this.pick([1, 2, 4, 8] as const);
        return [
          { op: 'sectionAddress', section, offset: 0, result: base },
          {
            op: 'load',
            bytes,
            region: section === '.bss' ? 'global' : 'settings',
            base,
            offset: this.draw(3) * 8,
            result: make(bytes === 8 ? 64 : 32),
          },
        ];
      }
      case 7: {
        const [base, far] = [hidden(), hidden()];
        const bytes = this.pick([1, 2, 4, 8] as const);
        const value = this.operand(pool, bytes === 8 ? 64 : 32);
        return [
          { op: 'sectionAddress', section: '.bss', offset: 0, result: base },
          { op: 'binary', operator: 'add', width: 64, left: base, right: 8n, result: far },
          { op: 'store', bytes, region: 'global', base: far, offset: this.draw(3) * 4, value },
        ];
      }
      case 8: {
        const [base, bytes] = [hidden(), this.pick([1, 2, 4, 8] as const)];
        const offset = this.draw(2) * 8;
        const store = this.draw(2) === 0;
        const address = { op: 'stackAddress', slot: 0, result: base } as const;
        return store
          ? [
              address,
              {
                op: 'store',
                bytes,
                region: 'stack',
                base,
                offset,
                value: this.operand(pool, bytes === 8 ? 64 : 32),
              },
            ]
          : [
              address,
              { op: 'load', bytes, region: 'stack', base, offset, result: make(bytes === 8 ? 64 : 32) },
            ];
      }
      case 9: {
        const [data, bytes] = [hidden(), this.pick([1, 2, 4, 8] as const)];
        return [
          { op: 'load', bytes: 4, region: 'context', base: 0, offset: DATA, result: data, pointer: true },
          {
            op: 'load',
            bytes,
            region: 'packet',
            base: data,
            offset: this.draw(4),
            result: make(bytes === 8 ? 64 : 32),
          },
        ];
      }
      case 10: {
        const moves = this.draw(2) === 0;
        const value = this.operand(pool, 64);
        return [
          {
            op: 'helper',
            id: moves ? PULL : 97,
            name: moves ? 'pull' : 'other',
            arguments: [0, value],
            result: make(64),
            invalidatesPacket: moves,
            pure: false,
          },
        ];
      }
      case 11: {
        const base = hidden();
        const value = this.operand(pool, 64);
        return [
          { op: 'sectionAddress', section: '.bss', offset: 0, result: base },
          {
            op: 'atomic',
            operator: 'add',
            width: 64,
            region: 'global',
            base,
            offset: 8,
            value,
            result: make(64),
          },
        ];
      }
      case 12: {
        const [masked, moved] = [this.value(32), this.value(32)];
        const [index, scaled, base, address] = [hidden(), hidden(), hidden(), hidden()];
        const [bytes, left] = [this.pick([4, 8] as const), this.operand(pool, 32)];
        return [
          { op: 'binary', operator: 'and', width: 32, left, right: 3n, result: masked },
          {
            op: 'binary',
            operator: 'add',
            width: 32,
            left: masked,
            right: BigInt(this.draw(4)),
            result: moved,
          },
          { op: 'zext', value: moved, result: index },
          { op: 'binary', operator: 'shl', width: 64, left: index, right: 3n, result: scaled },
          { op: 'sectionAddress', section: '.bss', offset: 0, result: base },
          { op: 'binary', operator: 'add', width: 64, left: base, right: scaled, result: address },
          {
            op: 'load',
            bytes,
            region: 'global',
            base: address,
            offset: 8,
            result: make(bytes === 8 ? 64 : 32),
          },
        ];
      }
      default: {
        const left = this.operand(pool, width);
        const right = this.operand(pool, width);
        return [{ op: 'binary', operator: this.pick(OPERATORS), width, left, right, result: make(width) }];
      }
    }
  }

  /** Two pointers that bound the packet and the comparison that guards an access. */
  boundsCheck(): {
    readonly instructions: readonly Instruction[];
    readonly left: Operand;
    readonly right: Operand;
  } {
    const [data, end, limit] = [this.value(64), this.value(64), this.value(64)];
    const load = { op: 'load', bytes: 4, region: 'context', base: 0, pointer: true } as const;
    return {
      instructions: [
        { ...load, offset: DATA, result: data },
        { ...load, offset: DATA_END, result: end },
        {
          op: 'binary',
          operator: 'add',
          width: 64,
          left: data,
          right: this.pick([14n, 34n, 64n, 65n, 70n]),
          result: limit,
        },
      ],
      left: limit,
      right: end,
    };
  }

  generate(): IrFunction {
    const count = 2 + this.draw(7);
    const parameters = Array.from({ length: count }, (_, id): readonly ValueId[] =>
      id === 0 ? [] : [this.value(32), this.value(this.draw(2) === 0 ? 32 : 64)],
    );
    let shared: readonly ValueId[] = [];
    const blocks = parameters.map((own, id): Block => {
      const pool = [...own, ...shared];
      const made = Array.from({ length: this.draw(6) + (id === 0 ? 3 : 0) }, () => this.instructions(pool));
      const instructions = made.flat();
      shared = id === 0 ? [...pool] : shared;
      if (id === count - 1) {
        const folded = pool.reduce<Operand>((sum, value) => {
          const wide = this.widths[value] === 64 ? value : this.value(64);
          if (wide !== value) {
            instructions.push({ op: 'zext', value, result: wide });
          }
          const mixed = this.value(64);
          const turned = this.value(64);
          instructions.push(
            { op: 'binary', operator: 'mul', width: 64, left: sum, right: 31n, result: turned },
            { op: 'binary', operator: 'add', width: 64, left: turned, right: wide, result: mixed },
          );
          return mixed;
        }, 17n);
        return { id, parameters: own, instructions, terminator: { op: 'return', value: folded } };
      }
      const edge = (): Edge => {
        const backwards = id > 1 && this.draw(12) === 0;
        const block = backwards ? 1 + this.draw(id) : id + 1 + this.draw(Math.min(3, count - 1 - id));
        const wanted = parameters[block] ?? [];
        return {
          block,
          arguments: wanted.map((parameter) => this.operand(pool, this.widths[parameter] ?? 64)),
        };
      };
      if (this.draw(5) === 0) {
        return { id, parameters: own, instructions, terminator: { op: 'jump', to: edge() } };
      }
      if (this.draw(5) === 0) {
        const { left, right, instructions: check } = this.boundsCheck();
        instructions.push(...check);
        const terminator = { op: 'branch', condition: 'ule', width: 64, left, right } as const;
        return {
          id,
          parameters: own,
          instructions,
          terminator: { ...terminator, then: edge(), otherwise: edge() },
        };
      }
      const width: Width = this.draw(3) === 0 ? 64 : 32;
      return {
        id,
        parameters: own,
        instructions,
        terminator: {
          op: 'branch',
          condition: this.pick(CONDITIONS),
          width,
          left: this.operand(pool, width),
          right: this.operand(pool, width),
          then: edge(),
          otherwise: edge(),
        },
      };
    });
    return {
      name: 'random',
      parameters: [0],
      blocks,
      slots: [{ id: 0, size: 16, alignment: 8 }],
      widths: this.widths,
    };
  }
}

/** Random functions, loops now and then included; some of their blocks may be unreachable. */
export const randomFunctions: fc.Arbitrary<IrFunction> = fc
  .array(fc.nat({ max: 0xffff }), { minLength: 40, maxLength: 600 })
  .map((numbers) => {
    let at = 0;
    const draw: Draw = (below) => {
      at += 1;
      return (numbers[at % numbers.length] ?? 0) % below;
    };
    return new Generator(draw).generate();
  });
