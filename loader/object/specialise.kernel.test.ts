/** What a program that was made for its settings does and has in the kernel. */
import { afterEach, describe, expect, it } from 'vitest';
import { testRun } from '../bpf/testrun.ts';
import { countingObject, VERDICT } from '../testing/assembly.ts';
import { kernelObjects } from '../testing/kernel-objects.ts';
import { type LoadedProgram, type LoadOptions, loadProgram } from './load.ts';

const NAME = `sp${process.pid}`;
const packet = new Uint8Array(60);
const image = countingObject(packet.length, NAME);
const settings = { settings: { verdict: VERDICT.drop } };

const loaded: LoadedProgram[] = [];
function load(options: LoadOptions): LoadedProgram {
  const program = loadProgram(image, NAME, options);
  loaded.push(program);
  return program;
}
afterEach(() => {
  for (const program of loaded.splice(0)) program.close();
});

describe('a program with settings', () => {
  it('has them in its code and no map for them', () => {
    const program = load({ settings });
    expect(program.sections['.rodata']).toBeUndefined();
    expect(kernelObjects(NAME)).toEqual([`map ${NAME}.bss`, `program ${NAME}`]);
    expect(testRun(program.fd, { data: packet }).result).toBe(VERDICT.drop);
  });

  it('keeps a map of them that can be read where that is asked for', () => {
    const contents = load({ settings, keepSettings: true }).sections['.rodata']?.lookup(new Uint8Array(4));
    expect(new DataView(contents!.buffer).getInt32(8, true)).toBe(VERDICT.drop);
  });

  it('reads them from their map where it is not to be specialised, and where the map is in use already', () => {
    const plain = load({ settings, specialise: false });
    const settingsMap = plain.sections['.rodata']!;
    expect(testRun(plain.fd, { data: packet }).result).toBe(VERDICT.drop);
    const reusing = load({
      settings: { settings: { verdict: VERDICT.pass } },
      reuse: new Map([['.rodata', settingsMap]]),
    });
    expect(testRun(reusing.fd, { data: packet }).result).toBe(VERDICT.drop);
  });
});
