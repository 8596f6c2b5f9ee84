import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { metricsServer, parseListenAddress } from './serve.ts';

let server: ReturnType<typeof metricsServer>;
let failures: unknown[];
let reads: number;
let read: () => Promise<string>;

beforeEach(async () => {
  failures = [];
  reads = 0;
  read = async () => 'natra_up 1\n';
  server = metricsServer(
    () => {
      reads++;
      return read();
    },
    (error) => failures.push(error),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const port = (): number => (server.address() as AddressInfo).port;
const get = (path: string, init?: RequestInit): Promise<Response> =>
  fetch(`http://127.0.0.1:${port()}${path}`, init);

test('/metrics is the text, in the format that Prometheus asks for', async () => {
  const response = await get('/metrics');
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(await response.text()).toBe('natra_up 1\n');
  expect((await get('/metrics?name[]=natra_up')).status).toBe(200);
});

test('/healthz answers without reading anything', async () => {
  const response = await get('/healthz');
  expect([response.status, await response.text(), reads]).toEqual([200, 'ok\n', 0]);
});

test('HEAD has headers alone', async () => {
  const response = await get('/metrics', { method: 'HEAD' });
  expect([response.status, response.headers.get('content-length'), await response.text()]).toEqual([
    200,
    '11',
    '',
  ]);
});

test('other places are not found, other methods not allowed', async () => {
  expect((await get('/')).status).toBe(404);
  expect((await get('/metrics/..%2f')).status).toBe(404);
  const response = await get('/metrics', { method: 'POST', body: 'x' });
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});

test('scrapes at the same time share one reading, later ones read anew', async () => {
  let finish: (text: string) => void = () => {};
  read = () => new Promise((resolve) => (finish = resolve));
  const both = [get('/metrics'), get('/metrics')];
  // The second request has come when the server has seen two connections.
  await expect.poll(() => connections()).toBe(2);
  finish('natra_up 1\n');
  expect(await Promise.all(both.map(async (each) => (await each).text()))).toEqual([
    'natra_up 1\n',
    'natra_up 1\n',
  ]);
  expect(reads).toBe(1);
  read = async () => 'natra_up 2\n';
  expect(await (await get('/metrics')).text()).toBe('natra_up 2\n');
  expect(reads).toBe(2);
});

const connections = (): Promise<number> =>
  new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );

test('a failure is told to the log and not to the network, and the next scrape is served', async () => {
  const told = new Error('read /run/natra: EACCES');
  read = () => Promise.reject(told);
  const response = await get('/metrics');
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain('EACCES');
  expect(failures).toEqual([told]);
  read = async () => 'natra_up 1\n';
  expect((await get('/metrics')).status).toBe(200);
});

test('what is no HTTP harms nobody', async () => {
  const socket = connect(port(), '127.0.0.1', () => socket.write('\0\0\r\n\r\n'));
  await new Promise((resolve) => socket.on('error', resolve).on('close', resolve).resume());
  expect((await get('/healthz')).status).toBe(200);
});

test.each([
  [':9464', { port: 9464 }],
  ['10.0.0.1:9464', { host: '10.0.0.1', port: 9464 }],
  ['localhost:0', { host: 'localhost', port: 0 }],
  ['[::1]:9464', { host: '::1', port: 9464 }],
])('%s is an address', (text, address) => {
  expect(parseListenAddress(text)).toEqual(address);
});

test.each(['', '9464', '10.0.0.1', '10.0.0.1:', ':65536', '::1:9464', ':94 64', '[::1]'])(
  '%j is none',
  (text) => {
    expect(() => parseListenAddress(text)).toThrow(/--listen is .*: it must be an address and a port/);
  },
);
