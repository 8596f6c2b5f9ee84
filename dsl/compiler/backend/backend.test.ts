import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { disassemble } from '../../object/disassemble.ts';
import type { ObjectImage } from '../../object/image.ts';
import { ALU, CLASS, decode, JMP, SLOT_BYTES } from '../../object/instruction.ts';
import { createVm } from '../../vm/index.ts';
import { GLOBAL_BYTES, globalContents, irFunction } from '../ir/arbitrary.ts';
import { evaluateProgram, Memory } from '../ir/evaluate.ts';
import type { IrProgram } from '../ir/ir.ts';
import { parseFunction, parseProgram } from '../ir/parse.ts';
import { printFunction } from '../ir/print.ts';
import { validate } from '../ir/validate.ts';
import { type BackendOptions, emitProgram } from './index.ts';

function objectOf(program: IrProgram, options?: BackendOptions): ObjectImage {
  return {
    license: 'GPL',
    maps: [],
    sections: [{ name: '.bss', variables: [], size: GLOBAL_BYTES }],
    programs: [emitProgram(program, 'classifier', new Map(), options)],
  };
}

function runBytecode(program: IrProgram, global: Uint8Array, options?: BackendOptions) {
  const vm = createVm(objectOf(program, options));
  const section = vm.sections.get('.bss')!;
  section.set(global);
  const { r0 } = vm.run(program.name, { memory: new Uint8Array(8) });
  return { r0, global: [...section] };
}

function runIr(program: IrProgram, global: Uint8Array) {
  const memory = new Memory();
  const bytes = global.slice();
  const start = memory.place(bytes);
  const r0 = evaluateProgram(program, [memory.place(new Uint8Array(8))], {
    memory,
    helper: () => 0n,
    section: () => start,
    map: () => 0n,
  });
  return { r0, global: [...bytes] };
}

const assembly = (text: string, options?: BackendOptions): string =>
  disassemble(emitProgram(parseProgram(text), 'classifier', new Map(), options));

const none = new Uint8Array(GLOBAL_BYTES);

const CLASS_MASK = 0x07;
const OPERATION_MASK = 0xf0;
/** What v1 has no jumps for. */
const LESS: readonly number[] = [JMP.lt, JMP.le, JMP.slt, JMP.sle];

describe('the backend', () => {
  it.each(['v1', 'v2', 'v3', 'v4'] as const)('emits bytecode for %s that does what the IR says', (cpu) => {
    fc.assert(
      fc.property(irFunction, globalContents, (fn, global) => {
        const program = { name: 'random', functions: [fn] };
        expect(runBytecode(program, global, { cpu })).toEqual(runIr(program, global));
      }),
      { numRuns: 60 },
    );
  });

  it('tells the verifier again that an offset has no upper half, where it forgets', () => {
    const offset = (made: string) =>
      assembly(`program @p
func @p(%0:64) {
b0:
  %1:32 = load.4 context [%0]
  %2:64 = load.4 context [%0 + 76] pointer
  %3:64 = load.4 context [%0 + 80] pointer
  %4:32 = ${made}
  %5:64 = zext %4
  %6:64 = add.64 %2, %5
  branch.64 ule %6, %3 -> b1, b2
b1:
  return 1
b2:
  return 0
}`);
    const again = /(w\d) = \1\n/;
    for (const made of ['umod.32 %1, 70', 'lshr.32 7, %1', 'swap.16 %1']) expect(offset(made)).toMatch(again);
    for (const made of ['and.32 %1, 63', 'lshr.32 %1, 7']) expect(offset(made)).not.toMatch(again);
  });

  it('tells it nothing of what a hash is made of', () => {
    const hashed = (factor: bigint) =>
      assembly(`program @p
func @p(%0:64) {
b0:
  %1:32 = load.4 context [%0]
  %2:32 = swap.32 %1
  %3:64 = zext %2
  %4:64 = mul.64 %3, ${factor}
  %5:64 = lshr.64 %4, 61
  %6:64 = section .bss + 0
  %7:64 = add.64 %6, %5
  %8:32 = load.1 global [%7]
  return %8
}`);
    const again = /(w\d) = \1\n/;
    expect(hashed(0x9e37_79b9_7f4a_7c15n)).not.toMatch(again);
    expect(hashed(1n << 58n)).toMatch(again);
  });

  it('jumps further than 16 bits reach on v4, and says what to do on v3', () => {
    const stores = Array.from({ length: 33_000 }, (_, value) => `  store.4 global [%1], ${value}`).join('\n');
    const program = parseProgram(`program @p
func @p(%0:64) {
b0:
  %1:64 = section .bss + 0
  %2:32 = load.4 global [%1]
  branch.32 eq %2, 7 -> b1, b2
b1:
${stores}
  jump b2
b2:
  return 5
}`);
    for (const first of [7, 8]) {
      const global = none.slice().fill(first, 0, 1);
      expect(runBytecode(program, global, { cpu: 'v4' })).toEqual(runIr(program, global));
    }
    expect(() => runBytecode(program, none)).toThrow(/spans 330\d\d instructions.*v4/);
  });

  it('refuses chains of calls that need more stack or frames than the kernel gives', () => {
    const chain = (count: number, words: number): string =>
      Array.from({ length: count }, (_, index) => {
        const next = index + 1 < count ? `  %9:64 = call @f${index + 1}()\n` : '';
        return `func @f${index}(${index === 0 ? '%0:64' : ''}) {
  slot $0 size ${8 * words} align 8
b0:
  %1:64 = stack $0
  store.8 stack [%1], 1
${next}  %2:64 = load.8 stack [%1]
  return %2
}`;
      }).join('\n');
    const emitted = (count: number, words: number) => () => assembly(`program @f0\n${chain(count, words)}`);
    expect(emitted(8, 8)).not.toThrow();
    expect(emitted(9, 1)).toThrow('is 9 deep, the kernel allows 8');
    expect(emitted(3, 24)).toThrow('f0 -> f1 -> f2 needs 576 bytes of stack, the kernel allows 512');
  });

  it('generates only valid IR that survives its text form', () => {
    fc.assert(
      fc.property(irFunction, (fn) => {
        validate(fn);
        expect(parseFunction(printFunction(fn)).blocks).toEqual(fn.blocks);
      }),
      { numRuns: 50 },
    );
  });

  it('folds constants and offsets into instructions', () => {
    const code = assembly(`func @f(%0:64) {
b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:64 = load.4 context [%0 + 80] pointer
  %3:64 = add.64 %1, 14
  branch.64 ugt %3, %2 -> b2, b1
b1:
  %4:64 = add.64 %1, 8
  %5:32 = load.2 packet [%4 + 4]
  %6:32 = swap.16 %5
  branch.32 eq 2048, %6 -> b3, b2
b2:
  return 0
b3:
  return -1
}`);
    expect(code).toMatch(/\*\(u16 \*\)\(r\d \+ 12\)/);
    expect(code).toMatch(/if w\d [!=]= 2048/);
    expect(code).toContain('r0 = -1');
    expect(code).not.toMatch(/r\d \+= 8/);
  });

  it('keeps the context in a callee-saved register across a call and spills nothing', () => {
    const code = assembly(`func @f(%0:64) {
b0:
  %1:64 = helper 5 @ktimeGetNs()
  store.8 context [%0 + 152], %1
  return 0
}`);
    expect(code).toMatch(/r6 = r1\n[^\n]*call 5[^\n]*\n[^\n]*\*\(u64 \*\)\(r6 \+ 152\) = r0/);
  });

  it('passes frame and map addresses straight to a helper', () => {
    const code = assembly(`func @f(%0:64) {
  slot $0 size 4 align 4
b0:
  %1:64 = stack $0
  store.4 stack [%1], 0
  %2:64 = map @counters
  %3:64 = helper 1 @mapLookup(%2, %1)
  branch.64 eq %3, 0 -> b1, b2
b1:
  return 0
b2:
  atomic.add.64 map [%3], 1
  return 1
}`);
    expect(code).toMatch(/r1 = counters ll/);
    expect(code).toMatch(/r2 = r10\n[^\n]*r2 \+= -4/);
    expect(code).toMatch(/lock \*\(u64 \*\)\(r0 \+ 0\) \+= r1/);
  });

  it('places an unlikely block last', () => {
    const code = assembly(`func @f(%0:64) {
b0:
  %1:32 = load.4 context [%0]
  branch.32 ugt %1, 9000 -> b1, b2 unlikely
b1:
  return 7
b2:
  return 8
}`);
    expect(code.indexOf('r0 = 8')).toBeLessThan(code.indexOf('r0 = 7'));
  });

  it('chooses between two values with one jump over one move', () => {
    const code = assembly(`func @f(%0:64) {
b0:
  %1:32 = load.4 context [%0]
  branch.32 ugt %1, 100 -> b1(5), b1(9)
b1(%2:32):
  store.4 context [%0 + 8], %2
  return 0
}`);
    expect(code.match(/goto/g)).toHaveLength(1);
    expect(code.match(/= [59]$/gm)).toHaveLength(2);
  });

  it('saves registers around an unlikely call rather than on the likely path', () => {
    const loads = [1, 2, 3, 4, 5, 6, 7].map((id) => `  %${id}:64 = load.8 global [%20 + ${id * 8}]`);
    const sum = [2, 3, 4, 5, 6, 7].map((id) => `  %${id + 20}:64 = mul.64 %${id + 19}, %${id}`);
    const text = `func @f(%0:64) {
b0:
  %20:64 = section .bss + 0
${loads.join('\n')}
  branch.64 eq %1, 0 -> b1, b2(%1) unlikely
b1:
  %8:64 = helper 8 @getSmpProcessorId()
  jump b2(%8)
b2(%21:64):
${sum.join('\n')}
  return %27
}`;
    const code = assembly(text);
    const likely = code.slice(0, code.indexOf('exit'));
    expect(likely).not.toContain('r10');
    expect(code).toContain('r10');
    const global = none.map((_, index) => (index % 8 === 0 ? index : 0));
    const program = parseProgram(text);
    expect(runBytecode(program, global)).toEqual(runIr(program, global));
    expect(runBytecode(program, none)).toEqual(runIr(program, none));
  });

  it('calls a subprogram, whose callee-saved registers are its own', () => {
    const program = parseProgram(`func @main(%0:64) {
b0:
  %1:64 = section .bss + 0
  %2:64 = load.8 global [%1]
  %3:64 = call @twice(%2)
  %4:64 = call @twice(%3)
  %5:64 = sub.64 %4, %2
  return %5
}
func @twice(%0:64) {
b0:
  %1:64 = helper 8 @getSmpProcessorId()
  %2:64 = add.64 %0, %0
  %3:64 = add.64 %2, %1
  return %3
}`);
    const global = none.slice();
    global[0] = 10;
    expect(runBytecode(program, global).r0).toBe(30n);
    expect(runIr(program, global).r0).toBe(30n);
  });

  it('records a line for each function start and change of line, never inside an lddw', () => {
    const source = new Map([['a.ts', 'first\nsecond\nthird']]);
    const at = (line: number) => `!a.ts:${line}:1-${line}:5`;
    const program = parseProgram(`func @f(%0:64) {
b0:
  %1:64 = section .bss + 0 ${at(1)}
  %2:64 = load.8 global [%1] ${at(2)}
  %3:64 = add.64 %2, 1 ${at(2)}
  %4:64 = call @g(%3) ${at(3)}
  return %4
}
func @g(%0:64) {
b0:
  return %0
}`);
    const { lines, functions } = emitProgram(program, 'classifier', source);
    expect(lines.map(({ slot, line, text }) => [slot, line, text])).toEqual([
      [0, 1, 'first'],
      [2, 2, 'second'],
      [4, 3, 'third'],
      [functions[1]!.slot, 3, 'third'],
    ]);
  });

  it('refuses a frame of more than 512 bytes, naming program and size', () => {
    const text = `program @big
func @f(%0:64) {
  slot $0 size 520 align 8
b0:
  %1:64 = stack $0
  store.8 stack [%1], 0
  return 0
}`;
    expect(() => assembly(text)).toThrow(/program big: function f needs 520 bytes of stack/);
  });

  it.each(['v1', 'v2'] as const)('keeps to the instructions of %s', (cpu) => {
    fc.assert(
      fc.property(irFunction, (fn) => {
        const { code } = emitProgram({ name: 'random', functions: [fn] }, 'classifier', new Map(), { cpu });
        for (let slot = 0; slot * SLOT_BYTES < code.length; slot++) {
          const { opcode } = decode(code, slot);
          expect(opcode & CLASS_MASK).not.toBe(CLASS.jmp32);
          // Of the 32-bit class there is only the byte swap.
          if ((opcode & CLASS_MASK) === CLASS.alu) expect(opcode & OPERATION_MASK).toBe(ALU.end);
          const isJump = (opcode & CLASS_MASK) === CLASS.jmp;
          if (cpu === 'v1' && isJump) expect(LESS).not.toContain(opcode & OPERATION_MASK);
        }
      }),
      { numRuns: 40 },
    );
  });
});
