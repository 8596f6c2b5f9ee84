import fc from 'fast-check';
import { expect, test } from 'vitest';
import { accessesOf } from './accesses.ts';
import { LiveRegisters, livenessOf, livenessOfSome } from './liveness.ts';
import { FIRST_VIRTUAL, type MachineFunction, type MachineInstruction, successors } from './machine.ts';

const BLOCKS = 6;
const REGISTERS = 8;
const register = fc.nat(REGISTERS - 1).map((number) => FIRST_VIRTUAL + number);
const instruction: fc.Arbitrary<MachineInstruction> = fc.oneof(
  fc.record({ op: fc.constant('constant' as const), to: register, value: fc.constant(1n) }),
  fc.record({ op: fc.constant('move' as const), to: register, from: register }),
  fc.record({
    op: fc.constant('alu' as const),
    operator: fc.constant('add' as const),
    width: fc.constant(64 as const),
    to: register,
    source: fc.record({ register }),
  }),
);
const block = fc.record({
  instructions: fc.array(instruction, { maxLength: 5 }),
  left: register,
  then: fc.nat(BLOCKS - 1),
  otherwise: fc.nat(BLOCKS - 1),
  isExit: fc.boolean(),
});
const functions = fc.array(block, { minLength: BLOCKS, maxLength: BLOCKS }).map(
  (drawn): MachineFunction => ({
    name: 'random',
    parameters: 0,
    slots: [],
    nextRegister: FIRST_VIRTUAL + REGISTERS,
    blocks: drawn.map(({ instructions, left, then, otherwise, isExit }, id) => ({
      id,
      frequency: 1,
      instructions,
      terminator: isExit
        ? { op: 'exit' }
        : { op: 'branch', condition: 'ne', width: 64, left, right: { imm: 0 }, then, otherwise },
    })),
  }),
);

const ascending = (registers: Iterable<number>): readonly number[] => [...registers].sort((a, b) => a - b);

/** What is live at a block's start by the definition, of what is live at the others' so far. */
function liveAtStart(
  fn: MachineFunction,
  place: number,
  live: readonly ReadonlySet<number>[],
): ReadonlySet<number> {
  const { reads, writes, starts } = accessesOf(fn);
  const next = successors(fn.blocks[place]!.terminator);
  const now = new Set(next.flatMap((to) => [...live[to]!]));
  for (let step = starts[place + 1]! - 1; step >= starts[place]!; step--) {
    for (let at = writes.start(step); at < writes.start(step + 1); at++) now.delete(writes.at(at));
    for (let at = reads.start(step); at < reads.start(step + 1); at++) now.add(reads.at(at));
  }
  return now;
}

function byDefinition(fn: MachineFunction): readonly ReadonlySet<number>[] {
  let live: readonly ReadonlySet<number>[] = fn.blocks.map(() => new Set<number>());
  for (;;) {
    const before = live;
    live = fn.blocks.map((_, place) => liveAtStart(fn, place, before));
    if (live.every((set, place) => set.size === before[place]!.size)) return live;
  }
}

test('a register is live where a way leads to a use without passing what writes it', () => {
  fc.assert(
    fc.property(functions, fc.uniqueArray(register), (fn, asked) => {
      const expected = byDefinition(fn);
      const some = livenessOfSome({ ...fn }, new Set(asked));
      const { entry, exit } = livenessOf(fn);
      for (const [place, { terminator }] of fn.blocks.entries()) {
        const behind = ascending(new Set(successors(terminator).flatMap((to) => [...expected[to]!])));
        expect(entry.of(place)).toEqual(ascending(expected[place]!));
        expect(exit.of(place)).toEqual(behind);
        expect(some.exit.of(place)).toEqual(behind.filter((each) => asked.includes(each)));
      }
    }),
  );
});

test('walked from its end, a block has at its start what is live there', () => {
  fc.assert(
    fc.property(functions, (fn) => {
      const accesses = accessesOf(fn);
      const { entry, exit } = livenessOf(fn);
      const live = new LiveRegisters(accesses, exit, fn.nextRegister);
      for (let place = 0; place < BLOCKS; place++) {
        live.startAt(place);
        for (let step = accesses.starts[place + 1]! - 1; step >= accesses.starts[place]!; step--)
          live.stepBackward(step);
        const found: number[] = [];
        live.forEach((each) => void found.push(each));
        expect(found).toEqual(entry.of(place));
        expect(live.isRow(entry, place)).toBe(true);
      }
    }),
  );
});
