import { afterEach, expect, it } from 'vitest';
import { COMMAND } from './bpf/call.ts';
import { FEATURES, probe } from './features.ts';
import { setSyscallHook } from './native/syscall.ts';
import { ownNetnsIdentity } from './netns/netns.ts';

afterEach(() => {
  setSyscallHook(undefined);
});

it('the kernel has what natra cannot do without', () => {
  const missing = FEATURES.map(probe).filter((state) => !state.present);
  expect(missing.filter(({ feature }) => feature.without === undefined)).toEqual([]);
});

it('probes come back from the namespace they tried in', () => {
  const own = ownNetnsIdentity();
  for (const feature of FEATURES) probe(feature);
  expect(ownNetnsIdentity()).toBe(own);
});

it('a missing feature comes with what the kernel said', () => {
  const einval = -22;
  setSyscallHook((name, args) => (name === 'bpf' && args[0] === COMMAND.programQuery ? einval : undefined));
  expect(probe(FEATURES.find((feature) => feature.name === 'tcx')!)).toMatchObject({
    present: false,
    refusal: 'query tcx programs of ifindex 1: EINVAL; tcx needs linux 6.6',
  });
});
