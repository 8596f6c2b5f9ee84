import { beforeAll, expect, test } from 'vitest';
import { possibleCpus } from '../../loader/bpf/cpus.ts';
import type { MapHandle } from '../../loader/bpf/map.ts';
import { inNetns } from '../../loader/netns/netns.ts';
import { loadProgram } from '../../loader/object/load.ts';
import { makePod } from '../../loader/testing/pod.ts';
import { expectAgreement } from '../differential/agree.ts';
import { inKernel } from '../differential/in-kernel.ts';
import { interpreted, virtual } from '../differential/models.ts';
import { stayOnFirstCpu } from '../differential/world.ts';
import { attachToDevice } from './attach.ts';
import { example, ipv4, ipv6, step } from './example.ts';

beforeAll(stayOnFirstCpu);

const { object, tree } = example('xdp-allow-list');
const [NOT_IP, ALLOWED, REFUSED] = [0, 1, 2];

const u32 = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);

/** The key of a network: its prefix length, and its address in network order. */
const network = (address: readonly number[], prefixLength: number): Uint8Array =>
  Uint8Array.from([...u32(prefixLength), ...address]);

/** Packets and bytes of one of the totals, all CPUs' together. */
function total(totals: MapHandle | undefined, which: number): readonly [packets: number, bytes: number] {
  const copies = Buffer.from(totals?.lookup(u32(which)) ?? []);
  expect(copies.length).toBe(16 * possibleCpus());
  let [packets, bytes] = [0n, 0n];
  for (let at = 0; at < copies.length; at += 16) {
    packets += copies.readBigUInt64LE(at);
    bytes += copies.readBigUInt64LE(at + 8);
  }
  return [Number(packets), Number(bytes)];
}

test('real packets from a listed network pass and are counted, those from others are dropped', () => {
  const pod = makePod();
  const program = loadProgram(object, 'guard', { settings: { config: { enforce: 1 } } });
  const detach = inNetns(pod.netns, () => attachToDevice('xdp', pod.podIfindex, program.fd));
  try {
    const { allowed, totals } = program.maps;
    const address = pod.hostAddress.split('.').map(Number);
    const before = pod.received();
    pod.sendFromHost(200);
    expect(total(totals, REFUSED)).toEqual([1, 200]);
    expect(pod.received()).toBe(before);
    const key = network(address, 24);
    allowed?.update(key, new Uint8Array(8));
    pod.sendFromHost(300);
    pod.sendFromHost(300);
    expect(total(totals, ALLOWED)).toEqual([2, 600]);
    expect(total(totals, REFUSED)).toEqual([1, 200]);
    expect(pod.received()).toBe(before + 2);
    expect(Buffer.from(allowed?.lookup(key) ?? []).readBigUInt64LE(0)).toBe(2n);
    // A longer prefix with a count of its own takes over.
    allowed?.update(network(address, 32), new Uint8Array(8));
    pod.sendFromHost(300);
    expect(Buffer.from(allowed?.lookup(key) ?? []).readBigUInt64LE(0)).toBe(2n);
    // ARP found the neighbour before the first packet.
    expect(total(totals, NOT_IP)[0]).toBeGreaterThan(0);
  } finally {
    detach();
    program.close();
    pod.remove();
  }
});

test('without enforcement nothing is dropped', () => {
  const kernel = inKernel(object, new Map());
  try {
    expect(kernel.run(step('guard', ipv4({ protocol: 17 }))).verdict).toBe(2);
  } finally {
    kernel.close();
  }
});

test('the interpreter, the VM and the kernel agree', () => {
  const enforced = new Map([['.rodata' as const, u32(1)]]);
  const arp = new Uint8Array(60);
  arp.set([0x08, 0x06], 12);
  expectAgreement(
    [interpreted(tree, object, enforced), virtual(object, enforced), inKernel(object, enforced)],
    [ipv4({ protocol: 6, length: 100 }), ipv4({ protocol: 17, length: 30 }), ipv6(58), arp].map((packet) =>
      step('guard', packet),
    ),
  );
});
