import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { inNetns } from '../netns/netns.ts';
import { makePod, type Pod } from '../testing/pod.ts';
import { addRootHtb, type HtbClass, listHtbClasses, putByteQueue, putHtbClass } from './htb.ts';
import { HANDLE } from './qdiscs.ts';
import { RouteSocket } from './socket.ts';

const HANDLE_1 = 0x10000;
const CLASS: HtbClass = {
  id: HANDLE_1 + 1,
  parent: HANDLE.root,
  rateBytesPerSecond: 1_000_000n,
  ceilBytesPerSecond: 8_000_000n,
  burstNanoseconds: 64_000_000n,
  ceilBurstNanoseconds: 32_000_000n,
  priority: 3,
  quantumBytes: 20_000,
};

let pod: Pod;
let socket: RouteSocket;

beforeEach(() => {
  pod = makePod();
  socket = inNetns(pod.netns, () => RouteSocket.open());
});
afterEach(() => {
  socket.close();
  pod.remove();
});

const shown = (what: 'qdisc' | 'class'): string =>
  execFileSync('tc', ['-n', pod.netns.split('/').pop()!, '-d', what, 'show', 'dev', 'eth0']).toString();

it('adds HTB with a default class, and refuses a second', () => {
  addRootHtb(socket, pod.podIfindex, HANDLE_1, HANDLE_1 + 0x30);
  expect(shown('qdisc')).toMatch(/^qdisc htb 1: root .*default 0x30/);
  expect(() => addRootHtb(socket, pod.podIfindex, HANDLE_1, 0)).toThrow(
    /^add htb qdisc to ifindex \d+: EEXIST/,
  );
});

it('gives a class its rates, its bursts in bytes of them, its priority and quantum', () => {
  addRootHtb(socket, pod.podIfindex, HANDLE_1, 0);
  putHtbClass(socket, pod.podIfindex, CLASS, 'add');
  expect(shown('class')).toMatch(
    /class htb 1:1 root prio 3 quantum 20000 rate 8Mbit ceil 64Mbit .*burst 64000b.*cburst 250Kb/,
  );
});

it('takes rates beyond 32 bits', () => {
  addRootHtb(socket, pod.podIfindex, HANDLE_1, 0);
  putHtbClass(
    socket,
    pod.podIfindex,
    {
      ...CLASS,
      rateBytesPerSecond: 5_000_000_000n,
      ceilBytesPerSecond: 125_000_000_000_000n,
    },
    'add',
  );
  expect(shown('class')).toMatch(/rate 40Gbit ceil 1000Tbit/);
});

it('lists classes with their rates, beyond 32 bits too, and not those of other qdiscs', () => {
  addRootHtb(socket, pod.podIfindex, HANDLE_1, 0);
  expect(listHtbClasses(socket, pod.podIfindex)).toEqual([]);
  const made = [CLASS, { ...CLASS, id: HANDLE_1 + 2, ceilBytesPerSecond: 125_000_000_000_000n }];
  for (const each of made) putHtbClass(socket, pod.podIfindex, each, 'add');
  const found = listHtbClasses(socket, pod.podIfindex).sort((one, other) => one.id - other.id);
  expect(found).toEqual(
    made.map(({ id, parent, rateBytesPerSecond, ceilBytesPerSecond }) => ({
      id,
      parent,
      rateBytesPerSecond,
      ceilBytesPerSecond,
    })),
  );
});

it('bounds the queue of a class in bytes', () => {
  addRootHtb(socket, pod.podIfindex, HANDLE_1, 0);
  putHtbClass(socket, pod.podIfindex, CLASS, 'add');
  putByteQueue(socket, pod.podIfindex, CLASS.id, 123_456n, 'add');
  expect(shown('qdisc')).toMatch(/qdisc bfifo \w+: parent 1:1 limit 123456b/);
});

it('names the class that the kernel refuses', () => {
  addRootHtb(socket, pod.podIfindex, HANDLE_1, 0);
  expect(() => putHtbClass(socket, pod.podIfindex, { ...CLASS, rateBytesPerSecond: 0n }, 'add')).toThrow(
    /^add htb class 1:1 of ifindex \d+: EINVAL/,
  );
});
