import { expect, it } from 'vitest';
import { parseProgram } from '../ir/parse.ts';
import { printProgram } from '../ir/print.ts';
import { optimise, PASSES } from './index.ts';

const program = parseProgram(`program @p
func @p(%0:64) {
b0:
  %1:32 = load.4 context [%0]
  %2:32 = load.4 context [%0]
  %3:32 = mul.32 %2, 8
  branch.32 eq %1, %2 -> b1, b2
b1:
  return %3
b2:
  return 0
}`);

it('reaches straight code that no single pass reaches', () => {
  expect(printProgram(optimise(program))).toBe(`program @p

func @p(%0:64) {
b0:
  %1:32 = load.4 context [%0]
  %2:32 = shl.32 %1, 3
  return %2
}
`);
});

it('leaves out disabled passes and reports each that runs', () => {
  const ran = new Set<string>();
  const names = PASSES.map(({ name }) => name);
  const disable = new Set(['fold']);
  const result = optimise(program, { disable, after: (pass) => ran.add(pass) });
  expect(printProgram(result)).toContain('mul.32');
  expect([...ran]).toEqual(names.filter((name) => name !== 'fold'));
});

it.each([
  ['with its passes', new Set<string>()],
  ['without any pass', new Set(PASSES.map(({ name }) => name))],
])('drops functions that nothing calls any more, %s', (_, disable) => {
  const dead = parseProgram(`program @p
func @p(%0:64) {
b0:
  %1:64 = call @used()
  return %1
}
func @used() {
b0:
  return 1
}
func @unused() {
b0:
  %0:64 = call @below()
  return %0
}
func @below() {
b0:
  return 1
}`);
  expect(optimise(dead, { disable }).functions.map(({ name }) => name)).toEqual(['p', 'used']);
});
