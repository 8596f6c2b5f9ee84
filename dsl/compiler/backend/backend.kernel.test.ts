import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { testRun } from '../../../loader/bpf/testrun.ts';
import { isTooComplex } from '../../../loader/errors.ts';
import { type LoadedProgram, loadProgram } from '../../../loader/object/load.ts';
import { GLOBAL_BYTES, globalContents, irFunction } from '../ir/arbitrary.ts';
import { evaluateProgram, Memory } from '../ir/evaluate.ts';
import { emitProgram } from './index.ts';

const packet = new Uint8Array(60);
let loaded: LoadedProgram | undefined;
afterEach(() => loaded?.close());

describe('emitted bytecode on this kernel', () => {
  it.each(['v1', 'v2', 'v3', 'v4'] as const)('passes the verifier and does what the IR says (%s)', (cpu) => {
    fc.assert(
      fc.property(irFunction, globalContents, (fn, global) => {
        const program = { name: 'random', functions: [fn] };
        const image = {
          license: 'GPL',
          maps: [],
          sections: [{ name: '.bss' as const, variables: [], size: GLOBAL_BYTES, initial: global }],
          programs: [emitProgram(program, 'classifier', new Map(), { cpu })],
        };
        loaded?.close();
        loaded = undefined;
        try {
          loaded = loadProgram(image, 'random');
        } catch (error) {
          fc.pre(!isTooComplex(error));
          throw error;
        }
        const { result } = testRun(loaded.fd, { data: packet });
        const memory = new Memory();
        const bytes = global.slice();
        const start = memory.place(bytes);
        const expected = evaluateProgram(program, [0n], {
          memory,
          helper: () => 0n,
          section: () => start,
          map: () => 0n,
        });
        expect(BigInt(result)).toBe(BigInt.asUintN(32, expected));
        // A program that doesn't touch the section any more has no such map.
        expect(loaded.sections['.bss']?.lookup(new Uint8Array(4)) ?? global).toEqual(bytes);
      }),
      { numRuns: 60 },
    );
  });
});
