/** One end of the traffic: it serves, and starts and stops what it is told to. */
import { ElephantSink, serveElephant } from './elephant.ts';
import { FLOOD_PORT, Flood } from './flood.ts';
import { type Mouse, MouseClient, serveMice } from './mice.ts';
import type { Sample } from './window.ts';

export type Role = 'elephant' | 'mice' | 'flood';

export type WorkloadCommand =
  | { readonly kind: 'serve'; readonly role: Role }
  | {
      readonly kind: 'pull-elephants';
      readonly address: string;
      readonly port: number;
      readonly count: number;
    }
  | { readonly kind: 'stop-elephants' }
  | {
      readonly kind: 'send-mice';
      readonly address: string;
      readonly port: number;
      readonly perSecond: number;
      readonly seed: number;
    }
  | { readonly kind: 'loop-mice'; readonly address: string; readonly port: number; readonly clients: number }
  | { readonly kind: 'stop-mice'; readonly graceSeconds: number }
  | {
      readonly kind: 'send-flood';
      readonly address: string;
      readonly port: number;
      readonly bytesPerSecond: number;
    }
  | { readonly kind: 'stop-flood' };

/** What an end tells of its own accord. */
export interface WorkloadEvents {
  /** Cumulative bytes of the elephant of that number. */
  onGoodput?: (elephant: number, sample: Sample) => void;
  onMouse?: (mouse: Mouse) => void;
  /** Cumulative bytes of the mice since they were started. */
  onMiceGoodput?: (sample: Sample) => void;
  onBroken?: (reason: string) => void;
}

export class Workload {
  readonly #events: () => WorkloadEvents;
  #sinks: ElephantSink[] = [];
  #mice: MouseClient | undefined;
  #flood: Flood | undefined;

  constructor(events: () => WorkloadEvents) {
    this.#events = events;
  }

  /** Resolves when the command is done; `serve` gives the port, `stop-flood` the bits per second that were sent. */
  async obey(command: WorkloadCommand): Promise<number | undefined> {
    switch (command.kind) {
      case 'serve':
        return this.#serve(command.role);
      case 'pull-elephants':
        this.#sinks = Array.from(
          { length: command.count },
          (_, elephant) =>
            new ElephantSink(
              command.address,
              command.port,
              (sample) => this.#events().onGoodput?.(elephant, sample),
              (reason) => this.#events().onBroken?.(reason),
            ),
        );
        return undefined;
      case 'stop-elephants':
        for (const sink of this.#sinks.splice(0)) sink.stop();
        return undefined;
      case 'send-mice':
        this.#miceTo(command).start(command.perSecond, command.seed);
        return undefined;
      case 'loop-mice':
        this.#miceTo(command).startLoops(command.clients);
        return undefined;
      case 'stop-mice':
        await this.#mice?.stop(command.graceSeconds);
        return undefined;
      case 'send-flood':
        this.#flood?.start(command.address, command.port, command.bytesPerSecond);
        return undefined;
      case 'stop-flood':
        return this.#flood?.stop();
    }
  }

  async #serve(role: Role): Promise<number> {
    if (role === 'elephant') return serveElephant();
    if (role === 'mice') return serveMice();
    this.#flood = Flood.open();
    return FLOOD_PORT;
  }

  #miceTo({ address, port }: { readonly address: string; readonly port: number }): MouseClient {
    this.#mice = new MouseClient(address, port, {
      onMouse: (mouse) => this.#events().onMouse?.(mouse),
      onGoodput: (sample) => this.#events().onMiceGoodput?.(sample),
    });
    return this.#mice;
  }
}
