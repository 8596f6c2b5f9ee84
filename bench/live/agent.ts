/**
 * A process inside a namespace that carries one end of the traffic. It takes commands and reports over Node's
 * IPC channel, and ends as soon as that channel does, however its parent died.
 */
import type { Mouse } from './mice.ts';
import type { Sample } from './window.ts';
import { Workload, type WorkloadCommand } from './workload.ts';

export interface AgentRequest {
  readonly id: number;
  readonly command: WorkloadCommand;
}

export type AgentMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly id: number; readonly value?: number }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string }
  | { readonly kind: 'goodput'; readonly elephant: number; readonly sample: Sample }
  | { readonly kind: 'mouse'; readonly mouse: Mouse }
  | { readonly kind: 'mice-goodput'; readonly sample: Sample }
  | { readonly kind: 'broken'; readonly reason: string };

function report(message: AgentMessage): void {
  if (process.connected) process.send?.(message);
}

const events = {
  onGoodput: (elephant: number, sample: Sample) => report({ kind: 'goodput', elephant, sample }),
  onMouse: (mouse: Mouse) => report({ kind: 'mouse', mouse }),
  onMiceGoodput: (sample: Sample) => report({ kind: 'mice-goodput', sample }),
  onBroken: (reason: string) => report({ kind: 'broken', reason }),
};
const workload = new Workload(() => events);

process.on('disconnect', () => process.exit(0));
// The terminal sends an interrupt to the whole group; the parent decides when the traffic ends.
process.on('SIGINT', () => {});
process.on('message', (request: AgentRequest) => {
  workload.obey(request.command).then(
    (value) =>
      report(
        value === undefined ? { kind: 'done', id: request.id } : { kind: 'done', id: request.id, value },
      ),
    (error: Error) => report({ kind: 'failed', id: request.id, reason: error.message }),
  );
});
report({ kind: 'ready' });
