import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadProgram } from '../../loader/object/load.ts';
import { compile } from './compile.ts';
import { PASSES } from './passes/index.ts';

const root = path.resolve(import.meta.dirname, '../..');
const noPasses = new Set(PASSES.map(({ name }) => name));

describe('the verifier of this kernel', () => {
  const builds = [
    ['as shipped', {}],
    ['for v4', { cpu: 'v4' }],
    ['with clocks in memory', { seams: 'memory' }],
    ['without any pass', { disablePasses: noPasses }],
  ] as const;
  describe.each(['ingress', 'egress'])('accepts %s', (program) => {
    it.each(builds)('%s', (_, options) => {
      const { object, diagnostics } = compile(path.join(root, `programs/${program}.ts`), {
        root,
        ...options,
      });
      expect(diagnostics).toEqual([]);
      const loaded = loadProgram(object!, program);
      try {
        expect(loaded.btfRefusal).toBeUndefined();
      } finally {
        loaded.close();
      }
    });
  });
});
