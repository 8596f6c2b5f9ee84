/** Traffic towards a test's Pod, by the node itself, and sockets in a Pod. */
import { createSocket, type Socket } from 'node:dgram';
import { setTimeout as pause } from 'node:timers/promises';
import { inNetns } from '../../loader/index.ts';
import type { PodEnds, TestPod } from './pod.ts';
import { run } from './shell.ts';

/** Gives the bridge the first and the Pod the second address of a subnet of this process's own; its first three bytes. */
export function connect(pod: TestPod): string {
  const subnet = `10.${150 + (process.pid % 50)}.${(process.pid >> 6) & 0xff}`;
  run(`ip addr add ${subnet}.1/24 dev ${pod.bridge}`);
  run(`ip -n ${pod.netns} addr add ${subnet}.2/24 dev ${pod.ifname}`);
  return subnet;
}

/** Sends datagrams to the Pod in bursts of 50, every 10 ms. */
export async function flood(subnet: string, milliseconds: number, bytes: number): Promise<void> {
  const socket = createSocket('udp4').on('error', () => {});
  const until = Date.now() + milliseconds;
  while (Date.now() < until) {
    for (let packet = 0; packet < 50; packet++) socket.send(new Uint8Array(bytes), 9, `${subnet}.2`);
    await pause(10);
  }
  socket.close();
}

/** A bound socket of a Pod's namespace: where names need no look-up, it is made and bound before this returns. */
export function socketIn({ netnsPath }: Pick<PodEnds, 'netnsPath'>, address: string, port: number): Socket {
  const lookup = (name: string, _: unknown, done: (error: null, address: string, family: number) => void) =>
    done(null, name, 4);
  return inNetns(netnsPath, () => {
    const socket = createSocket({ type: 'udp4', lookup: lookup as never }).on('error', () => {});
    socket.bind(port, address);
    return socket;
  });
}
