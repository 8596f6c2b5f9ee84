import { createServer } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { loadProgram } from '../../loader/object/load.ts';
import { makePod } from '../../loader/testing/pod.ts';
import { expectAgreement } from '../differential/agree.ts';
import { inKernel } from '../differential/in-kernel.ts';
import { interpreted, virtual } from '../differential/models.ts';
import { type Execution, stayOnFirstCpu } from '../differential/world.ts';
import { attachToDevice, connectFromPod } from './attach.ts';
import { example, ipv4, step } from './example.ts';

beforeAll(stayOnFirstCpu);

const { object } = example('connect-latency');
const CLOSED_PORT = 9;
const [SYN, SYN_ACK] = [0x02, 0x12];
const CLIENT = { address: 0x0a000001, port: 40_000 };
const SERVER = { address: 0x0a000002, port: 80 };

/** A segment between the two; `port` is the client's. */
function segment(flags: number, port = CLIENT.port): Uint8Array {
  const request = flags === SYN;
  const packet = ipv4({ protocol: 6, source: request ? CLIENT.address : SERVER.address, length: 60 });
  const view = new DataView(packet.buffer);
  view.setUint32(14 + 16, request ? SERVER.address : CLIENT.address);
  view.setUint16(34, request ? port : SERVER.port);
  view.setUint16(36, request ? SERVER.port : port);
  view.setUint8(34 + 13, flags);
  return packet;
}

/** Connections by bucket, empty ones left out. */
function histogram(maps: ReturnType<Execution['state']>['maps']): Readonly<Record<number, number>> {
  const filled = Object.entries(maps.latency ?? {}).map(([key, values]): [number, number] => [
    Buffer.from(key, 'hex').readUInt32LE(0),
    values.reduce((sum, value) => sum + Number(Buffer.from(value, 'hex').readBigUInt64LE(0)), 0),
  ]);
  return Object.fromEntries(filled.filter(([, connections]) => connections > 0));
}

test('a real connection is timed from its SYN to its SYN-ACK; one that is refused is not', async () => {
  const pod = makePod();
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((listening) => server.listen(0, pod.hostAddress, listening));
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const asking = loadProgram(object, 'asking');
  const reuse = new Map(Object.entries(asking.maps));
  const answering = loadProgram(object, 'answering', { reuse });
  const detach = [
    attachToDevice('ingress', pod.hostIfindex, asking.fd),
    attachToDevice('egress', pod.hostIfindex, answering.fd),
  ];
  try {
    expect(connectFromPod(pod, port)).toBe(true);
    expect(connectFromPod(pod, port)).toBe(true);
    expect([...(asking.maps.asked?.entries() ?? [])]).toEqual([]);
    expect(connectFromPod(pod, CLOSED_PORT)).toBe(false);
    expect([...(asking.maps.asked?.entries() ?? [])]).toHaveLength(1);
    const counts = [...(answering.maps.latency?.entries() ?? [])].map(({ values }) =>
      values.reduce((sum, value) => sum + Number(Buffer.from(value).readBigUInt64LE(0)), 0),
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(2);
  } finally {
    for (const undo of detach) undo();
    answering.close();
    asking.close();
    server.close();
    pod.remove();
  }
});

test('answers fall into the bucket of their time, and the last bucket takes the rest', () => {
  const { object: timed, tree } = example('connect-latency', 'memory');
  const contents = new Map();
  const delays: readonly (readonly [microseconds: bigint, bucket: number])[] = [
    [0n, 0],
    [1n, 0],
    [2n, 1],
    [1000n, 9],
    [1024n, 10],
    [1_000_000n, 19],
    [1n << 30n, 23],
    [1n << 40n, 23],
  ];
  const steps = delays.flatMap(([microseconds], index) => [
    step('asking', segment(SYN, 1000 + index), 5_000n),
    step('answering', segment(SYN_ACK, 1000 + index), 5_000n + microseconds * 1000n),
    // The second answer to one request counts no more.
    step('answering', segment(SYN_ACK, 1000 + index), 5_000n + microseconds * 2000n),
  ]);
  const expected: Record<number, number> = {};
  for (const [, bucket] of delays) expected[bucket] = (expected[bucket] ?? 0) + 1;
  const vm = virtual(timed, contents);
  for (const each of steps) vm.run(each);
  expect(histogram(vm.state().maps)).toEqual(expected);
  expectAgreement(
    [interpreted(tree, timed, contents), virtual(timed, contents), inKernel(timed, contents)],
    steps,
  );
});
