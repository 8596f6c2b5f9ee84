import { describe, expect, it } from 'vitest';
import { compile } from '../compile.ts';
import { moduleOf } from '../frontend/testing.ts';
import { reasonOf, rowOf, TYPESCRIPT } from './typescript.ts';

describe("TypeScript's own errors", () => {
  it.each(TYPESCRIPT.map((row) => [`TS${row.code}`, row.example, row] as const))(
    '%s is what its example is refused with, for the reason of its row: %j',
    (code, example, row) => {
      const { diagnostics } = compile(...moduleOf(example));
      const [first] = diagnostics;
      expect(diagnostics.map((d) => d.code)).toContain(code);
      expect(first?.code).toBe(code);
      expect(rowOf(row.code, first?.message ?? '')).toBe(row);
      expect(first).toMatchObject({ why: row.why, advice: expect.not.stringContaining('{name}') });
    },
  );

  it('have a reason where a function is too large for TypeScript', () => {
    const message = 'The containing function or module body is too large for control flow analysis.';
    expect(reasonOf(2563, message, 'x').advice).toContain('move parts of it to functions');
  });

  it('are said without a reason where the table has none', () => {
    const { diagnostics } = compile(
      ...moduleOf('export const a: u32 = 1;\nexport default a;\nexport default a;'),
    );
    expect(diagnostics.map(({ why, advice }) => [why, advice])).toContainEqual(['', '']);
  });
});
