import { describe, expect, it } from 'vitest';
import { diagnostic, formatDiagnostic } from './diagnostic.ts';

describe('formatDiagnostic', () => {
  const d = diagnostic(
    'N2001',
    { file: 'programs/a.ts', line: 2, column: 16, endLine: 2, endColumn: 23 },
    { from: 'u32', to: 'u8' },
  );

  it('shows the place, the line, a caret under the span, the reason and what to write', () => {
    expect(formatDiagnostic(d, new Map([['programs/a.ts', 'first\n\tconst l: u8 = skb.len;\n']]))).toBe(
      [
        'programs/a.ts:2:16 - error N2001: u32 does not fit u8',
        '',
        '2 \tconst l: u8 = skb.len;',
        '  \t              ^~~~~~~',
        '',
        '  why: the high bits would be lost without a trace.',
        '  instead: convert explicitly: u8(...).',
      ].join('\n'),
    );
  });
  it('leaves the excerpt out where the source is not at hand', () => {
    expect(formatDiagnostic(d, new Map())).not.toContain('^');
  });
});
