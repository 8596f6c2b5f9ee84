import { describe, expect, it } from 'vitest';
import { bodyOf, codesIn, parseText } from '../testing.ts';

const STATE = 'const s = global(struct({ a: u8, n: be16, cells: array(u64, 8), count: u64 }));';
const body = (statements: string): string[] => bodyOf(statements, STATE);

describe('assignments', () => {
  it('store into memory, the context and variables', () => {
    expect(body('let x = 1;\nx = 2;\ns.n = 5;\ns.cells[3] = 7n;\nskb.priority = x;')).toEqual([
      'x: u32 = 1:u32',
      'x = 2:u32',
      'store.be16(.bss:s+0+2) = 5:u16',
      'store.u64(.bss:s+0+8[3:u32]) = 7:u64',
      'context.priority = x',
    ]);
  });
  it('wrap at the width of the place in compound forms', () => {
    expect(body('s.a += 1;\ns.a <<= 2;\ns.count++;')).toEqual([
      'store.u8(.bss:s+0+0) = u8((u32(load.u8(.bss:s+0+0)) +u32 1:u32))',
      'store.u8(.bss:s+0+0) = u8((u32(load.u8(.bss:s+0+0)) <<u32 2:u32))',
      'store.u64(.bss:s+0+72) = (load.u64(.bss:s+0+72) +u64 1:u64)',
    ]);
    expect(codesIn('s.a += skb.len;', STATE)).toEqual(['N2001']);
  });
  it('compute an index with effects once', () => {
    expect(body('s.cells[random.u32() & 7] += 1n;')).toEqual([
      '.place: global u64 = .bss:s+0+8[(random &u32 7:u32)]',
      'store.u64(.place) = (load.u64(.place) +u64 1:u64)',
    ]);
  });
  it('refuse settings and constants', () => {
    expect(codesIn('c.inner.x = 1;', 'const c = settings(struct({ inner: struct({ x: u32 }) }));')).toEqual([
      'N3004',
    ]);
    expect(codesIn('skb.len = 1;')).toEqual(['TS2540']);
  });
});

describe('loops', () => {
  it('cannot be ended by a condition that all values of the counter meet', () => {
    const loop = (first: string, condition: string): string[] =>
      codesIn(`for (let i = ${first}; ${condition}; i--) skb.mark += 1;`);
    for (const condition of ['i >= 0', '0 <= i', 'i <= 0xffffffff', '0xffffffff >= i'])
      expect(loop('u32(15)', condition)).toEqual(['N4002']);
    expect(loop('15n', 'i >= 0n')).toEqual(['N4002']);
    expect(loop('i32(15)', 'i >= 0')).toEqual([]);
    for (const condition of ['i > 0', 'i >= 1', 'i <= 15']) expect(loop('u32(15)', condition)).toEqual([]);
  });
  it('count the rounds of a counter that the body leaves alone', () => {
    expect(body('const N = 6;\nfor (let i = 0; i < N; i += 2) s.cells[i] = 1n;').slice(1)).toEqual([
      'loop (i: u32 = 0:u32; (i < N); i = (i +u32 2:u32)) trips i=3 {',
      '  store.u64(.bss:s+0+8[i]) = 1:u64',
      '}',
    ]);
    expect(body('for (let i = 0; i <= 4; i++) s.count += 1n;')[0]).toMatch(/ trips i=5 \{$/);
  });
  it('count nothing where the body moves the counter or the end is unknown', () => {
    expect(body('for (let i = 0; i < 8; i++) { if (s.a > 3) i += 1; }')[0]).not.toContain('trips');
    expect(body('for (let i = 0; i < skb.len; i++) s.count += 1n;')[0]).not.toContain('trips');
    expect(body('for (let i: u8 = 0; i < 256; i++) s.count += 1n;')[0]).not.toContain('trips');
    expect(body('for (let i = 1; i < 8; i++) s.count += 1n;')[0]).not.toContain('trips');
  });
  it('run over a range', () => {
    expect(body('for (const i of range(2 * 4)) {\nif (i === 3) continue;\ns.cells[i] += 1n;\n}')[0]).toBe(
      'loop (i: u32 = 0:u32; (i < 8:u32); i = (i +u32 1:u32)) trips i=8 {',
    );
  });
  it('test before or after the body', () => {
    expect(body('let i = 0;\nwhile (i < 4) i++;\ndo { i--; } while (i > 0);').slice(1)).toEqual([
      'loop (; (i < 4:u32); ) {',
      '  i = (i +u32 1:u32)',
      '}',
      'do {',
      '  i = (i -u32 1:u32)',
      '} loop (; (i > 0:u32); )',
    ]);
  });
  it('may lack a condition where something leaves them', () => {
    expect(body('for (;;) { if (skb.len > 4) break; }')[0]).toBe('loop (; ; ) {');
  });
});

describe('destructuring', () => {
  it('takes the context apart', () => {
    expect(bodyOf('const { len, mark: old } = skb;\nreturn i32(len ^ old);').slice(0, 2)).toEqual([
      'len: u32 = context.len',
      'old: u32 = context.mark',
    ]);
  });
  it('refuses a default as such, whatever it takes apart', () => {
    for (const from of ['skb', '{ mark: 2 }', 'stack(struct({ mark: u32 }))'])
      expect(codesIn(`const { mark = 1 } = ${from};\nskb.mark = mark;`)).toContain('N1022');
  });
});

describe('switch', () => {
  it('groups labels and drops the breaks that end cases', () => {
    expect(
      body(
        'switch (s.a) {\ncase 1:\ncase 2: {\nskb.mark = 1;\nbreak;\n}\ncase 3:\nreturn 4;\ncase 5:\ndefault:\nskb.mark = 9;\n}',
      ),
    ).toEqual([
      'switch u32(load.u8(.bss:s+0+0)) {',
      '  case 1, 2:',
      '    context.mark = 1:u32',
      '  case 3:',
      '    return 4:i32',
      '  default:',
      '    context.mark = 9:u32',
      '}',
    ]);
  });
  it('keeps the continue of a loop around it', () => {
    expect(
      body('for (const i of range(3)) {\nswitch (i) {\ncase 1:\ncontinue;\n}\ns.count += 1n;\n}'),
    ).toContain('      continue');
  });
  it('keeps a break in the midst of a case', () => {
    expect(
      body('switch (s.a) {\ncase 1:\nif (skb.len > 9) break;\nskb.mark = 1;\nbreak;\n}').slice(2, 6),
    ).toEqual(['    if (context.len > 9:u32) {', '      break', '    }', '    context.mark = 1:u32']);
  });
  it('knows what ends a case: another switch, a loop without an end, a jump to a label', () => {
    const ends = [
      'switch (skb.len) {\ncase 0:\nreturn 1;\ndefault:\nreturn 2;\n}',
      'while (true) {\nif (skb.len > 9) continue rounds;\nreturn 1;\n}',
      'break rounds;',
    ];
    for (const end of ends)
      expect(
        codesIn(
          `rounds: for (const i of range(3)) {\nswitch (i) {\ncase 1:\n${end}\ncase 2:\nskb.mark = 1;\n}\n}`,
        ),
      ).toEqual([]);
    const leaves =
      'switch (skb.len) {\ncase 0:\nif (skb.mark === 1) break;\nreturn 1;\ndefault:\nreturn 2;\n}';
    expect(codesIn(`switch (skb.mark) {\ncase 1:\n${leaves}\ncase 2:\nskb.mark = 1;\n}`)).toEqual(['N4001']);
  });
  it('is not said to fall through where what is refused may be its end', () => {
    expect(codesIn('switch (s.a) {\ncase 1:\nreturn skb.len ? 1 : 2;\ncase 2:\nreturn 3;\n}', STATE)).toEqual(
      ['N2005'],
    );
  });
  it('refuses cases that are no constants of its type', () => {
    expect(codesIn('switch (s.a) {\ncase -1:\nreturn 1;\n}', STATE)).toEqual(['N2004']);
    expect(codesIn('switch (skb.len) {\ncase skb.mark:\nreturn 1;\n}', STATE)).toEqual(['N2011']);
  });
});

describe('labels', () => {
  it('are kept by what they name and by the jumps', () => {
    expect(body('rows: for (;;) {\nwhile (skb.len > 9) continue rows;\nbreak rows;\n}')).toEqual([
      'rows: loop (; ; ) {',
      '  loop (; (context.len > 9:u32); ) {',
      '    continue rows',
      '  }',
      '  break rows',
      '}',
    ]);
  });
  it('end a loop only where a jump goes out of it', () => {
    const loop = (jump: string): string[] => codesIn(`rows: while (true) {\nwhile (true) ${jump};\n}`);
    expect(loop('break rows')).toEqual([]);
    expect(loop('continue rows')).toEqual(['N4002']);
    expect(loop('break')).toEqual(['N4002']);
  });
  it('lead out of no long loop, not even where control never comes', () => {
    const inLong = (code: string): string[] =>
      codesIn(
        `rows: for (let y = 0; y < 4; y++) {\nlong: for (const x of range(skb.len & 4095)) {\n${code}\nskb.mark += 1;\n}\n}`,
      );
    for (const code of [
      'if (x === skb.len) break rows;',
      'if (false) break rows;',
      'if (x > 5000) continue rows;',
    ])
      expect(inLong(code)).toEqual(['N4007']);
    expect(inLong('for (const z of range(skb.mark & 4095)) if (z > 5000) break rows;')).toEqual(['N4007']);
    expect(inLong('while (true) break long;')).toEqual([]);
    expect(inLong('if (x === skb.len) continue long;')).toEqual([]);
  });
  it('may name loops and switches', () => {
    expect(codesIn('once: {\nif (skb.len > 9) break once;\nskb.mark = 1;\n}')).toEqual(['N1001']);
  });
});

describe('refused statements', () => {
  it('does not report a name again whose declaration was refused', () => {
    expect(codesIn('const low: u8 = skb.len & 255;\nskb.mark = low + low;')).toEqual(['N2001']);
  });
  it('goes on with the next statement', () => {
    expect(codesIn('if (skb.len) return 1;\nif (skb.mark) return 1;')).toEqual(['N2005', 'N2005']);
  });
});

it('assignments by operators that the language has not are refused as such', () => {
  const message = (statement: string): string | undefined =>
    parseText(`export const example = classifier((skb) => { let a = skb.mark; ${statement} return 0; });`)
      .diagnostics[0]?.message;
  for (const operator of ['??=', '||=', '&&=', '**='])
    expect(message(`a ${operator} 2;`)).toBe(`unsupported syntax: the operator '${operator}'`);
  expect(message('const b = (a = 2);')).toBe('an assignment is not a value');
});

it('an enum in a function is refused, and one at module level is not', () => {
  const limit = 'enum Limit { Least = 1, Most }';
  const program = (body: string): string => `export const example = classifier((skb) => { ${body} });`;
  const use = 'return skb.len > Limit.Most ? 1 : 0;';
  expect(parseText(program(`${limit} ${use}`)).diagnostics.map(({ message }) => message)).toEqual([
    'unsupported syntax: an enum in a function; it may stand at module level',
  ]);
  expect(parseText(`${limit}\n${program(use)}`).diagnostics).toEqual([]);
});
