import { expect, it } from 'vitest';
import { deviceAmong, nameOfDevice } from './device.ts';

it.each([
  { ifindex: 4 },
  {
    ifindex: 2,
    netns: { path: '/var/run/netns/cni-b58a34e8-c3d4-16cf-be45-4d131c369c50', identity: '4:4026532' },
  },
  { ifindex: 2_147_483_647, netns: { path: '/proc/1/ns/net', identity: '4:1' } },
])('finds %j among other names', (device) => {
  const name = nameOfDevice(device)!;
  expect(name).toMatch(/^[A-Za-z0-9_-]+$/);
  expect(deviceAmong(['link', 'map-counters', name, 'program'])).toEqual(device);
});

it('finds none where none is named', () => {
  expect(deviceAmong(['link', 'program', 'device-', 'device-x', 'device-4-only'])).toBeUndefined();
});

it('has no name for a namespace whose path is too long for one', () => {
  const netns = { path: `/${'x'.repeat(250)}`, identity: '4:1' };
  expect(nameOfDevice({ ifindex: 1, netns })).toBeUndefined();
});
