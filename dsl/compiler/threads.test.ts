import { EventEmitter } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { BackEndThreads, type Request } from './threads.ts';
import type { ModuleTree } from './tree/tree.ts';

/** Answers when it is told to. */
class Standby extends EventEmitter {
  readonly asked: string[] = [];

  postMessage({ tree }: Request): void {
    this.asked.push(tree.programs.map(({ name }) => name).join());
  }

  answer(): void {
    this.emit('message', { made: { diagnostics: [] } });
  }

  ref(): void {}

  unref(): void {}
}

const treeOf = (name: string): ModuleTree => ({
  programs: [
    {
      name,
      kind: 'classifier',
      span: { file: 'programs.ts', line: 1, column: 1, endLine: 1, endColumn: 1 },
      entry: {} as ModuleTree['programs'][number]['entry'],
    },
  ],
  maps: [],
  sections: [],
  sources: new Map(),
});

/** Two threads, and the programs that each was asked for since it was looked at last. */
function standbys() {
  const workers: Standby[] = [];
  const threads = new BackEndThreads(
    2,
    () => {
      const worker = new Standby();
      workers.push(worker);
      return worker as unknown as Worker;
    },
    true,
  );
  return { threads, workers, asked: () => workers.map((worker) => worker.asked.splice(0)) };
}

test('an idle thread that remembers a program gets it again; a busy one is not waited for', async () => {
  const { threads, workers, asked } = standbys();
  const all = (...names: readonly string[]) => names.map((name) => threads.make(treeOf(name), {}));
  const first = all('small', 'large');
  expect(asked()).toEqual([['small'], ['large']]);
  for (const worker of workers) worker.answer();
  await Promise.all(first);
  const [again] = all('large');
  expect(asked()).toEqual([[], ['large']]);
  void threads.make(treeOf('large'), {});
  expect(asked()).toEqual([['large'], []]);
  workers[1]?.answer();
  await again;
});

test('a thread that rehearses is idle to what is asked for', async () => {
  const { threads, workers, asked } = standbys();
  const first = ['small', 'large'].map((name) => threads.make(treeOf(name), {}));
  for (const worker of workers) worker.answer();
  await Promise.all(first);
  asked();
  void threads.make(treeOf('large'), {}, true);
  void threads.make(treeOf('large'), {});
  expect(asked()).toEqual([['large'], ['large', 'large']]);
});
