import { beforeAll, expect, test } from 'vitest';
import { inNetns } from '../../loader/netns/netns.ts';
import { loadProgram } from '../../loader/object/load.ts';
import { makePod } from '../../loader/testing/pod.ts';
import { expectAgreement } from '../differential/agree.ts';
import { inKernel } from '../differential/in-kernel.ts';
import { interpreted, virtual } from '../differential/models.ts';
import { stayOnFirstCpu } from '../differential/world.ts';
import { connectFromPod, filteredPacketSocket } from './attach.ts';
import { example, ipv4, ipv6, step } from './example.ts';

beforeAll(stayOnFirstCpu);

const { object, tree } = example('syn-capture');
const CLOSED_PORT = 9;

/** A TCP segment with these flags behind a header of so many words of options. */
function segment(flags: number, optionWords = 0, fragmentOffset = 0): Uint8Array {
  const packet = ipv4({ protocol: 6, optionWords, fragmentOffset, length: 120 });
  packet[14 + 20 + optionWords * 4 + 13] = flags;
  return packet;
}

test('a real packet socket behind it receives the headers of connection requests alone', () => {
  const pod = makePod();
  const program = loadProgram(object, 'requests');
  const socket = inNetns(pod.netns, () => filteredPacketSocket(program.fd));
  try {
    pod.sendFromPod(200);
    pod.sendFromHost(200);
    expect(socket.receive()).toBeUndefined();
    expect(connectFromPod(pod, CLOSED_PORT)).toBe(false);
    const received = socket.receive();
    // IPv4 and TCP without the SYN's options; the RST that answers is not there.
    expect(received?.length).toBe(40);
    expect(received?.[9]).toBe(6);
    expect(received?.[33]).toBe(0x02);
    expect(Array.from(received?.subarray(16, 20) ?? []).join('.')).toBe(pod.hostAddress);
    expect(socket.receive()).toBeUndefined();
    const requests = program.sections['.bss']?.lookup(new Uint8Array(4));
    expect(Buffer.from(requests ?? []).readBigUInt64LE(0)).toBe(1n);
  } finally {
    socket.close();
    program.close();
    pod.remove();
  }
});

const ipv6Syn = ipv6(6);
ipv6Syn[14 + 40 + 13] = 0x02;

test.each([
  ['a SYN', segment(0x02), 40],
  ['a SYN behind IPv4 options', segment(0x02, 3), 52],
  ['a SYN with ECN flags', segment(0xc2), 40],
  ['a SYN over IPv6', ipv6Syn, 60],
  ['a SYN-ACK', segment(0x12), 0],
  ['data', segment(0x18), 0],
  ['a later fragment', segment(0x02, 0, 5), 0],
  ['UDP', ipv4({ protocol: 17 }), 0],
  ['a cut header', segment(0x02).slice(0, 50), 0],
])('of %s it keeps so many bytes: %#', (_, packet, kept) => {
  const kernel = inKernel(object, new Map());
  try {
    expect(kernel.run(step('requests', packet)).verdict).toBe(kept);
  } finally {
    kernel.close();
  }
});

test('the interpreter, the VM and the kernel agree', () => {
  const contents = new Map();
  expectAgreement(
    [interpreted(tree, object, contents), virtual(object, contents), inKernel(object, contents)],
    [segment(0x02), segment(0x02, 3), segment(0x12), ipv6Syn, segment(0x02).slice(0, 50)].map((packet) =>
      step('requests', packet),
    ),
  );
});
