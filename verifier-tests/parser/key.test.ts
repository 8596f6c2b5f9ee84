import { expect, test } from 'vitest';
import { compile } from '../../dsl/compiler/index.ts';
import { testRunRefusal } from '../../dsl/machine/index.ts';
import { inKernel, type Step, skbOf, stayOnFirstCpu, virtual } from '../differential/world.ts';
import { otherFrames, wholeFrames } from './frames.ts';

test('the kernel leaves the key that the VM leaves', () => {
  stayOnFirstCpu();
  const { object } = compile('programs/key.ts');
  if (object === undefined) throw new Error('programs/key.ts does not compile');
  const kernel = inKernel(object, new Map());
  try {
    const vm = virtual(object, new Map());
    const steps = [...wholeFrames(), ...otherFrames()].map(({ name, bytes }) => {
      const step: Step = { program: 'key', packet: bytes, fields: {}, now: 0n, coarse: 0n, random: 0 };
      return { name, step };
    });
    const runnable = steps.filter(({ step }) => testRunRefusal(skbOf(step)) === undefined);
    expect(runnable.length).toBeGreaterThan(6000);
    for (const { name, step } of runnable) {
      kernel.run(step);
      vm.run(step);
      expect(kernel.state(), name).toEqual(vm.state());
    }
  } finally {
    kernel.close();
  }
});
