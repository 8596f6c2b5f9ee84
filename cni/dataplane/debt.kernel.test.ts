import { expect, test } from 'vitest';
import { readElf } from '../../dsl/object/elf/read.ts';
import { encodeInto, type LoadedProgram, loadProgram, readVariable } from '../../loader/index.ts';
import { dataplaneSettings } from '../settings.ts';
import { rememberingObject } from '../testing/objects.ts';
import { inherit, isRaised, MEMORY } from './debt.ts';
import { layoutsOf } from './layouts.ts';

const image = readElf(rememberingObject());
const source = { image, layouts: layoutsOf(image) };
const section = image.sections.find(({ name }) => name === MEMORY)!;
const [variable] = section.variables;

const settingsOf = (packetsPerSecond: number | undefined) =>
  dataplaneSettings({ rateBitsPerSecond: 1e7, pacing: 'police', packetsPerSecond }, 'ingress');

function withClocks<T>(program: LoadedProgram, use: (contents: Uint8Array, write: () => void) => T): T {
  const memory = program.sections[MEMORY]!;
  const key = new Uint8Array(memory.keySize);
  const contents = memory.lookup(key)!;
  return use(contents, () => memory.update(key, contents));
}

test.each([
  { from: 1, to: 1000, left: 100n, words: 'is told in time at the new one' },
  { from: undefined, to: 1000, left: 0n, words: 'is nothing where there was no cap meanwhile' },
])('what packets owe at a former packet rate $words', ({ from, to, left }) => {
  const [former, next] = [settingsOf(from), settingsOf(to)];
  expect(isRaised(former, next)).toBe(true);
  const [old, program] = [loadProgram(image, 'limit'), loadProgram(image, 'limit')];
  try {
    const before = process.hrtime.bigint();
    const second = 1_000_000_000n;
    withClocks(old, (contents, write) => {
      const owed = { packetClock: { time: before + 100_000n * second } };
      encodeInto(contents, variable!.offset, variable!.layout, owed, 'state');
      write();
    });
    inherit(
      { memory: old.sections[MEMORY]!, settings: former },
      { ...source, sections: program.sections },
      next,
    );
    const after = process.hrtime.bigint();
    const state = withClocks(program, (contents) => readVariable(section, 'state', contents));
    const { time } = state.packetClock as { readonly time: bigint };
    expect(time).toBeGreaterThanOrEqual(before + left * second);
    expect(time).toBeLessThanOrEqual(after + left * second);
  } finally {
    old.close();
    program.close();
  }
});
