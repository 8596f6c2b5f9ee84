/** Metrics by HTTP, for Prometheus to scrape: `/metrics`, and `/healthz` for a probe. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { OperatorError } from '../errors.ts';
import { CONTENT_TYPE } from './metrics.ts';

export interface ListenAddress {
  /** All addresses, of IPv6 too, where it is absent. */
  readonly host?: string;
  readonly port: number;
}

/** `:9464`, `10.0.0.1:9464`, `localhost:9464` or `[::1]:9464`. */
export function parseListenAddress(text: string): ListenAddress {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535)
    throw new OperatorError(
      `--listen is ${text}: it must be an address and a port, as in :9464 or 10.0.0.1:9464`,
    );
  const host = bracketed ?? plain;
  return host ? { host, port } : { port };
}

/** A scraper has no body to send, and one that says nothing for so long is gone. */
const PATIENCE_MILLISECONDS = 10_000;

/**
 * `read` gives the text; requests that come while it is being read share it, so that many scrapers cost no more than
 * one. `onFailure` is told of what keeps it from being read.
 */
export function metricsServer(read: () => Promise<string>, onFailure: (error: unknown) => void): Server {
  let reading: Promise<string> | undefined;
  const shared = (): Promise<string> => {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  };
  const server = createServer((request, response) => {
    answer(request, response, shared).catch((error: unknown) => {
      onFailure(error);
      send(response, 500, 'the metrics could not be read; the log of natra metrics says why\n');
    });
  });
  server.requestTimeout = PATIENCE_MILLISECONDS;
  server.headersTimeout = PATIENCE_MILLISECONDS;
  return server;
}

async function answer(
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
  read: () => Promise<string>,
): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    send(response, 405, 'metrics are read only\n');
    return;
  }
  switch (url.split('?', 1)[0]) {
    case '/metrics':
      send(response, 200, await read(), CONTENT_TYPE);
      return;
    case '/healthz':
      send(response, 200, 'ok\n');
      return;
    default:
      send(response, 404, 'there are /metrics and /healthz\n');
  }
}

/** Node.js leaves the body out of the answer to HEAD. */
function send(
  response: ServerResponse,
  status: number,
  body: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}
