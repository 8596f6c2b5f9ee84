/** `natra metrics`: prints them once, or serves them. */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import type { Console } from '../console.ts';
import { describe, OperatorError } from '../errors.ts';
import type { Node } from '../node.ts';
import { metrics } from './metrics.ts';
import { statusOf } from './node-status.ts';
import { metricsServer, parseListenAddress } from './serve.ts';

export const METRICS_OPTIONS = { listen: { type: 'string' } } as const;

/** With `--listen` it comes back when a signal ends it. */
export async function metricsCommand(argv: string[], node: Node, console: Console): Promise<void> {
  const { values } = parseArgs({ args: argv, options: METRICS_OPTIONS });
  const text = async (): Promise<string> => metrics(await statusOf(node, 0));
  if (values.listen === undefined) {
    console.out(await text());
    return;
  }
  const address = parseListenAddress(values.listen);
  const server = metricsServer(text, (error) => console.error(`natra metrics: ${describe(error)}\n`));
  const listening = once(server, 'listening');
  server.listen(address);
  try {
    await listening;
  } catch (error) {
    throw new OperatorError(`listen on ${values.listen}: ${describe(error)}`);
  }
  const bound = server.address();
  if (bound !== null && typeof bound !== 'string') {
    const host = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
    console.out(`http://${host}:${bound.port}/metrics\n`);
  }
  const signals = ['SIGTERM', 'SIGINT'] as const;
  const closed = once(server, 'close');
  for (const signal of signals)
    process.once(signal, () => {
      server.close();
      server.closeAllConnections();
    });
  await closed;
}
