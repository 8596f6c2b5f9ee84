import { execFileSync } from 'node:child_process';
import { mkdirSync, rmdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadProgram } from '../../loader/object/load.ts';
import { expectAgreement } from '../differential/agree.ts';
import { inKernel } from '../differential/in-kernel.ts';
import { interpreted, virtual } from '../differential/models.ts';
import { stayOnFirstCpu } from '../differential/world.ts';
import { attachToCgroup, cgroup2Mount } from './attach.ts';
import { example, ipv4, step } from './example.ts';

beforeAll(stayOnFirstCpu);

const { object, tree } = example('cgroup-bytes');
const group = `${cgroup2Mount()}/natra-test-${process.pid}`;
beforeAll(() => mkdirSync(group));
afterAll(() => rmdirSync(group));

/** IPv4 and UDP. */
const HEADER_BYTES = 28;

/** Sends one UDP datagram of `length` bytes over the loopback device from a process in the cgroup. */
function sendFromGroup(length: number): void {
  const script = `echo $$ > ${group}/cgroup.procs; printf '%0${length}d' 0 > /dev/udp/127.0.0.1/9`;
  // A refused datagram is an error (EPERM) to its sender.
  execFileSync('bash', ['-c', `${script} || true`], { stdio: 'pipe' });
}

test('what real sockets of a cgroup send is counted, and refused beyond the budget', () => {
  const budget = 1000n;
  const sending = loadProgram(object, 'sending', { settings: { config: { budget } } });
  const receiving = loadProgram(object, 'receiving', { reuse: new Map(Object.entries(sending.sections)) });
  const detach = [
    attachToCgroup('egress', group, sending.fd),
    attachToCgroup('ingress', group, receiving.fd),
  ];
  const used = (): readonly bigint[] => {
    const bytes = Buffer.from(sending.sections['.bss']?.lookup(new Uint8Array(4)) ?? []);
    return [bytes.readBigUInt64LE(0), bytes.readBigUInt64LE(16)];
  };
  try {
    sendFromGroup(400);
    expect(used()).toEqual([400n + BigInt(HEADER_BYTES), 0n]);
    sendFromGroup(600);
    expect(used()).toEqual([428n, 628n]);
    sendFromGroup(500);
    expect(used()).toEqual([956n, 628n]);
  } finally {
    for (const undo of detach) undo();
    receiving.close();
    sending.close();
  }
});

test('the interpreter, the VM and the kernel agree', () => {
  const contents = new Map([['.rodata' as const, new Uint8Array(new BigUint64Array([200n]).buffer)]]);
  expectAgreement(
    [interpreted(tree, object, contents), virtual(object, contents), inKernel(object, contents)],
    [
      step('sending', ipv4({ protocol: 17, length: 114 })),
      step('sending', ipv4({ protocol: 17, length: 115 })),
      step('receiving', ipv4({ protocol: 17, length: 200 })),
      step('sending', ipv4({ protocol: 6, length: 114 })),
    ],
  );
});
