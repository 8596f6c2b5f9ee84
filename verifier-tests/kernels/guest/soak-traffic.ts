/**
 * Traffic of all kinds between a Pod and a client, each a worker thread that lives in its network namespace: TCP up and
 * down, datagrams small and fragmented, over IPv4, IPv6, a VLAN and a VLAN within one.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { closeDescriptor, openRead } from '../../../loader/index.ts';
import { syscall } from '../../../loader/native/syscall.ts';

const CLONE_NEWNET = 0x40000000;

/** Ports of the client: it takes everything, and gives to whoever connects. */
const PORTS = { sink: 7001, source: 7002, datagrams: 7003 } as const;
/** Sizes of datagrams: the smallest, one as a name server's, and one of three fragments. */
const DATAGRAM_BYTES = [1, 120, 4000];
const DATAGRAM_PAUSE_MS = 4;
const BLOCK = Buffer.alloc(64 * 1024, 's');
const RECONNECT_MS = 200;

export interface SoakRole {
  readonly role: 'client' | 'pod';
  readonly netnsPath: string;
  /** Of the client, by family. */
  readonly addresses: readonly string[];
}

function pour(socket: Socket): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(BLOCK));
  };
  socket.on('drain', more);
  socket.on('error', () => socket.destroy());
  more();
}

/** The last part of an address, by which the soak knows its Pods: `::ffff:10.40.0.17` and `fd40::17` are Pod 17's. */
const podOf = (address = ''): string => address.split(/[.:]/).at(-1) ?? '';

/** Takes what comes and gives to whoever connects; asked, it tells the bytes that each Pod has brought. */
function serve(): void {
  const received = new Map<string, number>();
  const count = (address: string | undefined, bytes: number): void => {
    received.set(podOf(address), (received.get(podOf(address)) ?? 0) + bytes);
  };
  createServer((socket) => {
    const { remoteAddress } = socket;
    socket.on('data', ({ length }) => count(remoteAddress, length));
    socket.on('error', () => socket.destroy());
  }).listen(PORTS.sink, '::');
  createServer(pour).listen(PORTS.source, '::');
  parentPort?.on('message', () => parentPort?.postMessage(received));
  createSocket({ type: 'udp6' })
    .on('error', () => {})
    .on('message', ({ length }, { address }) => count(address, length))
    .bind(PORTS.datagrams, '::');
}

/** A connection that is made again whenever it breaks. */
function keepConnected(address: string, port: number, use: (socket: Socket) => void): void {
  const socket = connect({ host: address, port }, () => use(socket));
  socket.on('error', () => {});
  socket.on('close', () => setTimeout(() => keepConnected(address, port, use), RECONNECT_MS));
}

function send(address: string): void {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4').on('error', () => {});
  let sent = 0;
  setInterval(() => {
    const bytes = DATAGRAM_BYTES[sent++ % DATAGRAM_BYTES.length] ?? 1;
    socket.send(BLOCK.subarray(0, bytes), PORTS.datagrams, address, () => {});
  }, DATAGRAM_PAUSE_MS);
}

/** What a worker does; it never ends by itself. */
export function runSoakWorker(): void {
  const { role, netnsPath, addresses } = workerData as SoakRole;
  const fd = openRead(netnsPath);
  const result = syscall('setns', fd, CLONE_NEWNET);
  closeDescriptor(fd);
  if (result < 0) throw new Error(`enter ${netnsPath}: errno ${-result}`);
  if (role === 'client') serve();
  for (const address of role === 'pod' ? addresses : []) {
    keepConnected(address, PORTS.sink, pour);
    keepConnected(address, PORTS.source, (socket) => socket.resume());
    send(address);
  }
  parentPort?.postMessage('ready');
}

/** Bytes of payload that each Pod has brought to the client so far. */
export function receivedBy(client: Worker): Promise<ReadonlyMap<string, number>> {
  return new Promise((resolve) => {
    client.once('message', resolve);
    client.postMessage('received');
  });
}

/** Starts a worker and waits until its sockets are in their namespace. */
export function startWorker(role: SoakRole): Promise<Worker> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { workerData: role });
    worker.once('message', () => resolve(worker));
    worker.once('error', reject);
  });
}
