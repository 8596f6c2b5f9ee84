/** Back ends in threads of their own, so that several trees become objects at a time. */
import type { Worker } from 'node:worker_threads';
import type { ObjectOptions, ObjectResult } from './generate.ts';
import type { ModuleTree } from './tree/tree.ts';

/** What a thread is asked; it answers in the order in which it was. */
export interface Request {
  readonly tree: ModuleTree;
  readonly options: ObjectOptions;
  /** The process stays, and asks for much the same again: the thread remembers code. */
  readonly resident: boolean;
  /** To be given up for what is no rehearsal: an answer comes all the same. */
  readonly isRehearsal: boolean;
}

/** Without the IR, which is as large as the tree, and no more than a listing. */
export type Made = Omit<ObjectResult, 'ir'>;

/** What a thread answers: what it made, or what was thrown. */
export type Answer = { readonly made: Made } | { readonly thrown: unknown };

interface Pending {
  readonly isRehearsal: boolean;
  readonly resolve: (made: Made) => void;
  readonly reject: (reason: unknown) => void;
}

const programsOf = ({ programs }: ModuleTree): string =>
  programs.map(({ name, span }) => `${span.file} ${name}`).join();

/** One thread and what it has still to answer. */
class Thread {
  private pending: Pending[] = [];
  private readonly asked = new Set<string>();

  constructor(private readonly worker: Worker) {
    worker.on('message', (answer: Answer) => {
      const asked = this.pending.shift();
      if (this.pending.length === 0) worker.unref();
      if ('thrown' in answer) asked?.reject(answer.thrown);
      else asked?.resolve(answer.made);
    });
    worker.on('error', (error) => this.fail(error));
    worker.on('exit', () => this.fail(new Error('the thread of the compiler has ended')));
    // Only what is still to come keeps the process. A listener to messages would have it kept again.
    worker.unref();
  }

  /** What is waited for. */
  get load(): number {
    return this.pending.filter(({ isRehearsal }) => !isRehearsal).length;
  }

  /** Whether a tree with the same programs has been here. */
  knows(tree: ModuleTree): boolean {
    return this.asked.has(programsOf(tree));
  }

  ask(request: Request): Promise<Made> {
    if (!request.isRehearsal) this.asked.add(programsOf(request.tree));
    return new Promise((resolve, reject) => {
      this.worker.postMessage(request);
      this.worker.ref();
      this.pending.push({ isRehearsal: request.isRehearsal, resolve, reject });
    });
  }

  end(): Promise<number> {
    return this.worker.terminate();
  }

  private fail(reason: unknown): void {
    const { pending } = this;
    this.pending = [];
    for (const { reject } of pending) reject(reason);
  }
}

export class BackEndThreads {
  private readonly threads: readonly Thread[];

  /** `start` begins a thread that calls `serve` of thread.ts. `resident`: see {@link Request}. */
  constructor(
    count: number,
    start: () => Worker,
    private readonly resident: boolean,
  ) {
    this.threads = Array.from({ length: count }, () => new Thread(start()));
  }

  /**
   * What `objectOf` makes: in the thread that remembers how, where that is idle, else in the one that has least to do.
   * `isRehearsal`: see `BackEnd` (compile.ts); all threads rehearse, each of which has its own code of V8.
   */
  readonly make = (tree: ModuleTree, options: ObjectOptions, isRehearsal = false): Promise<Made> => {
    const [first, ...others] = this.threads;
    if (first === undefined) throw new Error('a back end of no threads');
    const request = { tree, options, resident: this.resident, isRehearsal };
    const idle = this.threads.find((each) => each.load === 0 && each.knows(tree));
    const thread = idle ?? others.reduce((least, each) => (each.load < least.load ? each : least), first);
    const rehearsing = isRehearsal ? this.threads.filter((each) => each !== thread) : [];
    return Promise.all([thread.ask(request), ...rehearsing.map((each) => each.ask(request))]).then(
      ([made]) => made,
    );
  };

  /** Ends the threads, and with them what they have not answered. */
  async end(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.end()));
  }
}
