import { expect, test } from 'vitest';
import { compile } from '../../../dsl/compiler/index.ts';
import { tryProgram } from './trial.ts';

test.each(['rate-meter', 'xdp-allow-list', 'syn-capture', 'cgroup-bytes'])(
  'the kernel says what its verifier walked of %s and how long a packet takes',
  (name) => {
    const { tree, object } = compile(`programs/examples/${name}.ts`);
    const trial = tryProgram(tree!, object!, tree!.programs[0]!, { kernel: true });
    expect(trial.refusal).toBeUndefined();
    expect(trial.figures.walked).toBeGreaterThan(4);
    expect(trial.figures.nanoseconds).toBeGreaterThan(0);
  },
);

test('what the kernel refuses is explained', () => {
  const file = 'verifier-tests/rejections/programs/endless-loop.ts';
  const { tree, object } = compile(file);
  // Neither model has packets with a mark, so that the loop ends there.
  const trial = tryProgram(tree!, object!, tree!.programs[0]!, { kernel: true });
  expect(trial.disagreement).toBeUndefined();
  expect(trial.refusal).toContain(`${file}:6:10 - the kernel's verifier refuses wait`);
});
