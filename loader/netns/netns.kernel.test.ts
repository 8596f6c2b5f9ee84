import { afterEach, beforeEach, expect, it } from 'vitest';
import { setSyscallHook } from '../native/syscall.ts';
import { listLinks } from '../netlink/links.ts';
import { RouteSocket } from '../netlink/socket.ts';
import { makePod, type Pod } from '../testing/pod.ts';
import { inNetns, inNewNetns, isOwnNetns, netnsIdentity, ownNetnsIdentity } from './netns.ts';

let pod: Pod;
beforeEach(() => {
  pod = makePod();
});
afterEach(() => pod.remove());

it('runs in the other namespace and comes back', () => {
  const own = ownNetnsIdentity();
  expect(inNetns(pod.netns, ownNetnsIdentity)).toBe(netnsIdentity(pod.netns));
  expect(ownNetnsIdentity()).toBe(own);
});

it('comes back from a body that throws', () => {
  const own = ownNetnsIdentity();
  const failing = (): never => {
    throw new Error('inside');
  };
  expect(() => inNetns(pod.netns, failing)).toThrow('inside');
  expect(ownNetnsIdentity()).toBe(own);
});

it('refuses work that goes on after it has left', () => {
  expect(() => inNetns(pod.netns, async () => {})).toThrow('has to be synchronous');
});

it('tells namespaces apart', () => {
  expect(isOwnNetns('/proc/thread-self/ns/net')).toBe(true);
  expect(isOwnNetns(pod.netns)).toBe(false);
  expect(netnsIdentity('/run/netns/none-of-this-name')).toBeUndefined();
});

it('names the path that is missing or no namespace', () => {
  expect(() => inNetns('/run/netns/none', () => {})).toThrow('open /run/netns/none: ENOENT');
  expect(() => inNetns('/dev/null', () => {})).toThrow(
    'enter network namespace /dev/null: EINVAL; the path is not a network namespace',
  );
});

it('stays where it is when the kernel refuses to enter', () => {
  const own = ownNetnsIdentity();
  const eperm = -1;
  setSyscallHook((name) => (name === 'setns' ? eperm : undefined));
  try {
    expect(() => inNetns(pod.netns, () => {})).toThrow('EPERM');
  } finally {
    setSyscallHook(undefined);
  }
  expect(ownNetnsIdentity()).toBe(own);
});

it('makes a namespace with nothing but loopback for the time of a body', () => {
  const links = inNewNetns(() => {
    const socket = RouteSocket.open();
    try {
      return listLinks(socket).map((link) => link.name);
    } finally {
      socket.close();
    }
  });
  expect(links).toEqual(['lo']);
});
