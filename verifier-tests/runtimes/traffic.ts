/** Real TCP between a node and its Pods: the node listens, a Pod connects, and the receiver counts. */
import { createServer, type Server, type Socket } from 'node:net';
import { inNetns } from '../../loader/index.ts';
import { GATEWAY, type RuntimeNode } from './node.ts';

const CHUNK = Buffer.alloc(64 * 1024);

/** Runs a shell line in the Pod and gives what it prints. */
export type Shell = (line: string) => Promise<string>;

/** Mean bits a second of TCP's payload over the whole transfer, as the receiver saw it. */
export interface Rates {
  readonly ingress: number;
  readonly egress: number;
}

/** Sends for `seconds` to the Pod and then from it. */
export async function measure(node: RuntimeNode, shell: Shell, seconds: number): Promise<Rates> {
  return { ingress: await toPod(node, shell, seconds), egress: await fromPod(node, shell, seconds) };
}

async function toPod(node: RuntimeNode, shell: Shell, seconds: number): Promise<number> {
  const feed = (socket: Socket): void => {
    while (socket.writable && socket.write(CHUNK));
    if (socket.writable) socket.once('drain', () => feed(socket));
  };
  return listening(node, feed, async (port) => {
    const counted = await shell(`timeout ${seconds} nc ${GATEWAY} ${port} </dev/null | wc -c`);
    return (Number(counted) * 8) / seconds;
  });
}

async function fromPod(node: RuntimeNode, shell: Shell, seconds: number): Promise<number> {
  let bytes = 0;
  const count = (socket: Socket): void => {
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
  };
  return listening(node, count, async (port) => {
    await shell(`timeout ${seconds} nc ${GATEWAY} ${port} </dev/zero; true`);
    return (bytes * 8) / seconds;
  });
}

/** The socket stays in the namespace that it is made in, and so do those that it accepts. */
async function listening<T>(
  node: RuntimeNode,
  onConnection: (socket: Socket) => void,
  body: (port: number) => Promise<T>,
): Promise<T> {
  const sockets = new Set<Socket>();
  // A Pod that only receives has nothing to say and ends its half at once.
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    // A Pod that is told to stop resets its connection.
    socket.on('error', () => socket.destroy());
    onConnection(socket);
  });
  const ready = new Promise((resolve, reject) => server.on('listening', resolve).on('error', reject));
  inNetns(node.netns, () => server.listen(0));
  await ready;
  try {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    return await body(address.port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}
