import { beforeAll, expect, test } from 'vitest';
import { expectAgreement } from '../differential/agree.ts';
import { inKernel } from '../differential/in-kernel.ts';
import { interpreted, virtual } from '../differential/models.ts';
import { type Execution, stayOnFirstCpu } from '../differential/world.ts';
import { example, ipv4, ipv6, step } from './example.ts';

beforeAll(stayOnFirstCpu);

const { object, tree } = example('protocol-counter');
const arp = new Uint8Array(60);
arp.set([0x08, 0x06], 12);
const steps = [
  ipv4({ protocol: 6, length: 100 }),
  ipv4({ protocol: 6, length: 200 }),
  ipv4({ protocol: 17, length: 64 }),
  ipv6(58),
  arp,
].map((packet) => step('count', packet));

/** Packets and bytes that CPU 0 counted of a protocol. */
function counted(execution: Execution, protocol: number): readonly [packets: bigint, bytes: bigint] {
  const key = Buffer.from([protocol, 0, 0, 0]).toString('hex');
  const [first = ''] = execution.state().maps.protocols?.[key] ?? [];
  const value = Buffer.from(first, 'hex');
  return [value.readBigUInt64LE(0), value.readBigUInt64LE(8)];
}

test('packets and bytes are counted by protocol', () => {
  const kernel = inKernel(object, new Map());
  try {
    for (const each of steps) expect(kernel.run(each).verdict).toBe(0xffffffff);
    expect(counted(kernel, 6)).toEqual([2n, 300n]);
    expect(counted(kernel, 17)).toEqual([1n, 64n]);
    expect(counted(kernel, 58)).toEqual([1n, 80n]);
    expect(counted(kernel, 255)).toEqual([1n, 60n]);
    expect(counted(kernel, 1)).toEqual([0n, 0n]);
  } finally {
    kernel.close();
  }
});

test('the interpreter, the VM and the kernel agree', () => {
  const contents = new Map();
  expectAgreement(
    [interpreted(tree, object, contents), virtual(object, contents), inKernel(object, contents)],
    steps,
  );
});
