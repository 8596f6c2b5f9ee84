import { describe, expect, it } from 'vitest';
import { parseText } from '../frontend/testing.ts';
import { EXAMPLES, OTHER_FILES } from './examples.ts';
import { DIAGNOSTICS, type DiagnosticCode } from './table.ts';

const codes = Object.keys(DIAGNOSTICS).filter((code): code is DiagnosticCode => code in DIAGNOSTICS);

describe('diagnostics', () => {
  it.each(codes)('%s is what its example is refused with', (code) => {
    const { tree, diagnostics } = parseText(EXAMPLES[code], { 'other.ts': OTHER_FILES[code] ?? '' });
    expect([...new Set(diagnostics.map((d) => d.code))]).toEqual([code]);
    expect(diagnostics.map((d) => d.message).join()).not.toMatch(/[{}]\w+[{}]/);
    expect(tree).toBeUndefined();
  });
});
