import { expect, test } from 'vitest';
import { compile } from '../../dsl/compiler/index.ts';
import { testRunRefusal } from '../../dsl/machine/index.ts';
import { sectionContents } from '../../loader/object/sections.ts';
import { inKernel } from '../differential/in-kernel.ts';
import { virtual } from '../differential/models.ts';
import { type Step, skbOf, stayOnFirstCpu } from '../differential/world.ts';
import { otherFrames, wholeFrames } from './frames.ts';

test.each([
  ['everything', {}],
  ['what has no VLAN tag', { untagged: 1 }],
  ['IPv4 alone', { ipv4Only: 1 }],
])('the kernel leaves the key that the VM leaves where the parser reads %s', (_, config) => {
  stayOnFirstCpu();
  const { object } = compile('programs/key.ts');
  const rodata = object?.sections.find(({ name }) => name === '.rodata');
  if (object === undefined || rodata === undefined) throw new Error('programs/key.ts does not compile');
  const contents = new Map([[rodata.name, sectionContents(rodata, { config })]]);
  const kernel = inKernel(object, contents);
  try {
    const vm = virtual(object, contents);
    const steps = [...wholeFrames(), ...otherFrames()].map(({ name, bytes }) => {
      const step: Step = {
        program: 'key',
        packet: bytes,
        fields: {},
        now: 0n,
        coarse: 0n,
        ticks: 0n,
        random: 0,
      };
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
