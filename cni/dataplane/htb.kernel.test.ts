/** What HTB's buckets and the real program do together to a flow's packets. */
import { execFile } from 'node:child_process';
import type { Socket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { removeDirectory } from '../../loader/index.ts';
import { type Node, thisNode } from '../node.ts';
import { buildExecutable } from '../testing/build.ts';
import { captured, forPod, make } from '../testing/calls.ts';
import { makePod, type TestPod } from '../testing/pod.ts';
import { connect, socketIn } from '../testing/traffic.ts';

/** 10 Mbit/s with a burst of 200 ms: a flow turns heavy when it has sent 84 kB. */
const INGRESS = { ingressRate: 10_000_000, ingressBurst: 2_000_000 };
const PORT = 4000;
const DATAGRAM_BYTES = 1400;
/** A socket has room for all of them by default, so that none is lost however late it is read. */
const DATAGRAMS = 80;

let pod: TestPod;
let node: Node;
let subnet: string;
let receiver: Socket;

beforeAll(buildExecutable);
beforeEach(() => {
  pod = makePod();
  subnet = connect(pod);
  node = thisNode({
    NATRA_STATE_DIR: join(mkdtempSync(join(tmpdir(), 'natra-htb-')), 'state'),
    NATRA_PIN_DIR: `/sys/fs/bpf/natra-htb-${process.pid}`,
    NATRA_LOG: 'off',
  });
  receiver = socketIn(pod, `${subnet}.2`, PORT);
});
afterEach(() => {
  receiver.close();
  make(forPod(captured('ctrd1.7-DEL1'), pod), node);
  pod.destroy();
  rmSync(join(node.stateDirectory, '..'), { recursive: true });
  removeDirectory(node.pinDirectory);
});

/**
 * Numbered datagrams of one flow as fast as they go, some in one packet, behind one (number 0) that is answered, so that neighbours
 * know each other. SOL_UDP and UDP_SEGMENT by number: Perl has no names for them.
 */
const send = (inOnePacket: number): Promise<unknown> =>
  promisify(execFile)('perl', [
    '-e',
    `use Socket; socket(S, PF_INET, SOCK_DGRAM, 0);
    connect(S, pack_sockaddr_in(${PORT}, inet_aton('${subnet}.2')));
    send(S, pack('N', 0), 0) or die; recv(S, my $answer, 16, 0);
    setsockopt(S, 17, 103, pack('i', ${DATAGRAM_BYTES})) or die;
    for (my $next = 1; $next <= ${DATAGRAMS}; $next += ${inOnePacket}) {
      my @numbers = $next .. $next + ${inOnePacket} - 1;
      send(S, join('', map { pack('Nx${DATAGRAM_BYTES - 4}', $_) } @numbers), 0) or die;
    }`,
  ]);

test.each([1, 10])(
  'a flow that turns heavy has nothing waiting among the mice that it would overtake: packets of %i datagrams',
  async (inOnePacket) => {
    const { env, stdin } = forPod(captured('ctrd1.7-ADD-full'), pod);
    const runtimeConfig = { bandwidth: INGRESS };
    expect(make({ env, stdin: { ...stdin, failurePolicy: 'closed', runtimeConfig } }, node)).toMatchObject({
      exitCode: 0,
    });
    const arrived: number[] = [];
    receiver.on('message', (datagram, sender) => {
      const number = datagram.readUInt32BE();
      if (number === 0) receiver.send(datagram, sender.port, sender.address);
      else arrived.push(number);
    });
    await send(inOnePacket);
    await expect.poll(() => arrived.length, { timeout: 10_000 }).toBe(DATAGRAMS);
    expect(arrived).toEqual(Array.from({ length: DATAGRAMS }, (_, index) => index + 1));
  },
);
