import { describe, expect, test } from 'vitest';
import type { MachineFunction, MachineInstruction } from './machine.ts';
import { blockOf, branch, functionOf } from './machine-testing.ts';
import { shareAddresses } from './share-addresses.ts';

const setting = (to: number, offset: number): MachineInstruction => ({
  op: 'setting',
  bytes: 4,
  to,
  target: { kind: 'section', name: '.rodata', offset: 0 },
  offset,
});
/** Makes use of a register. */
const keep = (register: number): MachineInstruction => ({
  op: 'store',
  bytes: 4,
  to: { register: 10, offset: -4 },
  source: { register },
});
const call: MachineInstruction = { op: 'call', target: { helper: 5 }, arguments: 0 };

/** Each block's address loads (`=register`), loads through one (`+offset`) and whole settings (`!offset`). */
const loadsOf = (fn: MachineFunction): readonly string[] =>
  fn.blocks.map(({ instructions }) =>
    instructions
      .flatMap((each) => {
        if (each.op === 'relocated') return [`=r${each.to}`];
        if (each.op === 'load') return [`+${each.from.offset}`];
        return each.op === 'setting' ? [`!${each.offset}`] : [];
      })
      .join(' '),
  );
const shared = (...blocks: Parameters<typeof functionOf>): readonly string[] =>
  loadsOf(shareAddresses(functionOf(...blocks)));

describe('sharing of settings’ addresses', () => {
  test('one address serves the settings of a block, and of those that follow whichever way control comes', () => {
    expect(
      shared(
        { ...branch(0, 1, 2, 5), instructions: [setting(2, 0), keep(2)] },
        blockOf(1, [setting(3, 4), keep(3)], 3),
        blockOf(2, [setting(3, 8), keep(3)], 3),
        blockOf(3, [setting(0, 12), setting(4, 16), keep(4)]),
      ),
    ).toEqual(['=r4 +0', '+4', '+8', '+12 +16']);
  });

  test('a call takes the address away', () => {
    expect(shared(blockOf(0, [setting(2, 0), keep(2), call, setting(0, 4)]))).toEqual(['!0 !4']);
  });

  test('a setting on one way leaves no address behind where the ways meet', () => {
    expect(
      shared(branch(0, 1, 2, 5), blockOf(1, [setting(2, 0), keep(2)], 2), blockOf(2, [setting(0, 4)])),
    ).toEqual(['', '!0', '!4']);
  });

  test('no register that still has a use is taken, and none of r6 to r9 that the program doesn’t use', () => {
    const all = [0, 1, 2, 3, 4, 5].map((to): MachineInstruction => ({ op: 'constant', to, value: 1n }));
    const busy = [...all, setting(5, 0), ...[0, 1, 2, 3, 4, 5].map(keep), setting(0, 4)];
    expect(shared(blockOf(0, busy))).toEqual(['!0 !4']);
    expect(shared(blockOf(0, [{ op: 'constant', to: 6, value: 1n }, ...busy]))).toEqual(['=r6 +0 +4']);
  });
});
