import { describe, expect, it } from 'vitest';
import { compile } from '../compile.ts';
import { moduleOf } from '../frontend/testing.ts';
import { EXAMPLES, OTHER_FILES } from './examples.ts';
import { DIAGNOSTICS, type DiagnosticCode } from './table.ts';

const codes = Object.keys(DIAGNOSTICS).filter((code): code is DiagnosticCode => code in DIAGNOSTICS);

describe('diagnostics', () => {
  it.each(codes)('%s is what its example is refused with', (code) => {
    const module = moduleOf(EXAMPLES[code], { 'other.ts': OTHER_FILES[code] ?? '' });
    const { object, diagnostics } = compile(...module);
    expect([...new Set(diagnostics.map((d) => d.code))]).toEqual([code]);
    expect(diagnostics.map((d) => d.message).join()).not.toMatch(/[{}]\w+[{}]/);
    expect(object).toBeUndefined();
  });
});
