/** Traffic towards a test's Pod, by the node itself. */
import { createSocket } from 'node:dgram';
import { setTimeout as pause } from 'node:timers/promises';
import type { TestPod } from './pod.ts';
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
