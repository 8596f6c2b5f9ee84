import { expect, test } from 'vitest';
import { natra, reference } from './classifiers.ts';
import { webMix } from './trace.ts';
import { forgetSeconds } from './trials.ts';

const RATE = 1_250_000;

test.each([
  ['natra', natra],
  ['reference', reference],
] as const)('%s gives the same verdicts in the kernel and in the VM', (_, make) => {
  const trace = webMix({ seed: 4, bytesPerSecond: RATE });
  const [kernel, vm] = [make(RATE, 'kernel'), make(RATE, 'vm')];
  try {
    let heavy = 0;
    for (let index = 0; index < 3000; index++) {
      const packet = [trace.flow[index]!, trace.bytes[index]!, trace.times[index]!] as const;
      const verdict = kernel.classify(...packet);
      expect(vm.classify(...packet)).toEqual(verdict);
      if (verdict.heavy) heavy++;
    }
    expect(heavy).toBeGreaterThan(0);
    expect(heavy).toBeLessThan(3000);
  } finally {
    kernel.close();
    vm.close();
  }
});

test('natra forgets a heavy flow in little more than a second, the reference only after minutes', () => {
  const [own, other] = [natra(RATE, 'kernel'), reference(RATE, 'kernel')];
  try {
    expect(own.sketchBytes).toBe(4096);
    expect(other.sketchBytes).toBe(2_097_152);
    expect(forgetSeconds(own)).toBeLessThan(1.2);
    expect(forgetSeconds(other)).toBeGreaterThan(120);
  } finally {
    own.close();
    other.close();
  }
});
