import { expect, it } from 'vitest';
import { deviceIn, nameOfProgram, programAmong } from './program-name.ts';

it.each([
  { ifindex: 4 },
  {
    ifindex: 2,
    netns: { path: '/var/run/netns/cni-b58a34e8-c3d4-16cf-be45-4d131c369c50', identity: '4:4026532' },
  },
  { ifindex: 2_147_483_647, netns: { path: '/proc/1/ns/net', identity: '4:1' } },
])('tells that the program sits at %j', (device) => {
  const name = nameOfProgram(device);
  expect(name).toMatch(/^[A-Za-z0-9_-]+$/);
  expect(deviceIn(name)).toEqual(device);
  expect(programAmong(['link', 'map-counters', 'program', name])).toBe(name);
});

it('tells of none where none is known, as in natra 0.1.0', () => {
  expect(deviceIn(nameOfProgram(undefined))).toBeUndefined();
  expect(programAmong(['link', 'program', 'section-program'])).toBe('program');
  expect(programAmong(['link', 'program-', 'program-x', 'program-4-only'])).toBeUndefined();
});

it('tells of none whose namespace has too long a path', () => {
  const netns = { path: `/${'x'.repeat(250)}`, identity: '4:1' };
  expect(nameOfProgram({ ifindex: 1, netns })).toBe('program');
});
