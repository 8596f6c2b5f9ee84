/**
 * A process inside a namespace that carries one end of the traffic. It takes commands and reports over Node's
 * IPC channel, and ends as soon as that channel does, however its parent died.
 */
import { ElephantSink, serveElephant } from './elephant.ts';
import { type Mouse, MouseClient, serveMice } from './mice.ts';
import type { Sample } from './window.ts';

export type AgentCommand =
  | { readonly kind: 'serve'; readonly role: 'elephant' | 'mice' }
  | { readonly kind: 'pull-elephant'; readonly address: string; readonly port: number }
  | { readonly kind: 'stop-elephant' }
  | {
      readonly kind: 'send-mice';
      readonly address: string;
      readonly port: number;
      readonly perSecond: number;
      readonly seed: number;
    }
  | { readonly kind: 'stop-mice'; readonly graceSeconds: number };

export interface AgentRequest {
  readonly id: number;
  readonly command: AgentCommand;
}

export type AgentMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly id: number; readonly port?: number }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string }
  | { readonly kind: 'goodput'; readonly sample: Sample }
  | { readonly kind: 'mouse'; readonly mouse: Mouse }
  | { readonly kind: 'broken'; readonly reason: string };

const SAMPLE_MILLISECONDS = 50;
let sink: ElephantSink | undefined;
let mice: MouseClient | undefined;

function report(message: AgentMessage): void {
  if (process.connected) process.send?.(message);
}

async function obey(command: AgentCommand): Promise<number | undefined> {
  switch (command.kind) {
    case 'serve':
      return command.role === 'elephant' ? serveElephant() : serveMice();
    case 'pull-elephant':
      sink = new ElephantSink(
        command.address,
        command.port,
        SAMPLE_MILLISECONDS,
        (sample) => report({ kind: 'goodput', sample }),
        (reason) => report({ kind: 'broken', reason }),
      );
      return undefined;
    case 'stop-elephant':
      sink?.stop();
      return undefined;
    case 'send-mice':
      mice = new MouseClient(command.address, command.port, (mouse) => report({ kind: 'mouse', mouse }));
      mice.start(command.perSecond, command.seed);
      return undefined;
    case 'stop-mice':
      await mice?.stop(command.graceSeconds);
      return undefined;
  }
}

process.on('disconnect', () => process.exit(0));
// The terminal sends an interrupt to the whole group; the parent decides when the traffic ends.
process.on('SIGINT', () => {});
process.on('message', (request: AgentRequest) => {
  obey(request.command).then(
    (port) =>
      report(port === undefined ? { kind: 'done', id: request.id } : { kind: 'done', id: request.id, port }),
    (error: Error) => report({ kind: 'failed', id: request.id, reason: error.message }),
  );
});
report({ kind: 'ready' });
