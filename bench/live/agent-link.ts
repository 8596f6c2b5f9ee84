import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AgentMessage, AgentRequest } from './agent.ts';
import { inNamespace, type Namespace } from './namespace.ts';
import type { Station } from './rig.ts';
import type { WorkloadCommand, WorkloadEvents } from './workload.ts';

interface Waiting {
  readonly resolve: (value: number | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** The parent's end of an agent: commands out, reports in. */
export class Agent implements Station {
  /** Set by whoever measures, for as long as they measure. */
  events: WorkloadEvents = {};
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #nextId = 1;
  #broken: string | undefined;

  private constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.#child = child;
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()));
  }

  /** Starts an agent inside the namespace and waits until it takes commands. */
  static async start(namespace: Namespace, name: string): Promise<Agent> {
    const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
    const program = fileURLToPath(new URL('./agent.ts', import.meta.url));
    const [file, args] = inNamespace(namespace, process.execPath, ['--import', loader, program]);
    const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const agent = new Agent(`${name} in ${namespace.name}`, child);
    await new Promise<void>((resolve, reject) => {
      child.on('message', (message: AgentMessage) => {
        if (message.kind === 'ready') resolve();
        else agent.#take(message);
      });
      child.once('error', reject);
      child.once('exit', () => {
        agent.#fail(`${agent.#name} ended`);
        reject(new Error(`start ${agent.#name}: it ended at once`));
      });
    });
    return agent;
  }

  /** The agent's process id: a window on its namespace's /proc/PID/net. */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#name} is not running`);
    return this.#child.pid;
  }

  /** Sends a command and resolves with what it gives when it is done. */
  command(command: WorkloadCommand): Promise<number | undefined> {
    if (this.#broken !== undefined) return Promise.reject(new Error(this.#broken));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      const request: AgentRequest = { id, command };
      this.#child.send(request);
    });
  }

  /** Ends the process and waits for it. */
  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const force = setTimeout(() => this.#child.kill('SIGKILL'), 2000);
    await this.#exited;
    clearTimeout(force);
  }

  #take(message: AgentMessage): void {
    switch (message.kind) {
      case 'goodput':
        this.events.onGoodput?.(message.elephant, message.sample);
        break;
      case 'mouse':
        this.events.onMouse?.(message.mouse);
        break;
      case 'mice-goodput':
        this.events.onMiceGoodput?.(message.sample);
        break;
      case 'done':
        this.#waiting.get(message.id)?.resolve(message.value);
        this.#waiting.delete(message.id);
        break;
      case 'failed':
        this.#waiting.get(message.id)?.reject(new Error(`${this.#name}: ${message.reason}`));
        this.#waiting.delete(message.id);
        break;
      case 'broken':
        this.#fail(`${this.#name}: ${message.reason}`);
        break;
      case 'ready':
        break;
    }
  }

  #fail(reason: string): void {
    this.#broken = reason;
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
  }
}
