import { expect, test } from 'vitest';
import {
  classifier,
  compare,
  functionTree,
  give,
  i32,
  int,
  length,
  u32,
  when,
} from '../compiler/lower/testing.ts';
import type { Expression, Span } from '../compiler/tree/tree.ts';
import { Skb } from '../machine/skb.ts';
import { createCoverage } from './coverage.ts';
import { createInterpreter } from './index.ts';

const onLine = (line: number): Span => ({ file: 'p.ts', line, column: 1, endLine: line, endColumn: 9 });

test('lines and branches that never ran are counted as 0', () => {
  const small = { ...compare('lt', length, int(u32, 100n)), span: onLine(2) };
  const called = functionTree('called', [], i32, [{ ...give(int(i32, 5n)), span: onLine(9) }]);
  const call: Expression = { kind: 'call', span: onLine(4), type: i32, function: called, arguments: [] };
  const { module } = classifier([
    { ...when(small, { ...give(int(i32, 1n)), span: onLine(3) }), span: onLine(2) },
    { ...give(call), span: onLine(4) },
  ]);
  const coverage = createCoverage(module);
  const interpreter = createInterpreter(module, { hooks: coverage.hooks });
  interpreter.run('test', new Skb(new Uint8Array(60)));
  interpreter.run('test', new Skb(new Uint8Array(60)));
  const file = coverage.report().get('p.ts');
  expect([...file!.lines]).toEqual([
    [2, 2],
    [3, 2],
    [4, 0],
    [9, 0],
  ]);
  expect(file!.branches.map(({ span, ways }) => [span.line, [...ways]])).toEqual([
    [
      2,
      [
        ['true', 2],
        ['false', 0],
      ],
    ],
  ]);
});
