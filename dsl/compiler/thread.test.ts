import path from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { treeOf } from './compile.ts';
import { objectOf } from './generate.ts';
import { serve } from './thread.ts';
import type { Answer, Request } from './threads.ts';
import type { ModuleTree } from './tree/tree.ts';

const example = (name: string) => {
  const file = path.resolve(import.meta.dirname, '../../programs/examples', name);
  return treeOf(file, {}).tree!;
};

test('a rehearsal is given up for what is asked meanwhile, and answers come in the order of the requests', async () => {
  const { port1, port2 } = new MessageChannel();
  serve(port1, () => undefined);
  let heard = 0;
  port1.on('message', () => {
    heard += 1;
  });
  const trees = ['rate-meter.ts', 'protocol-counter.ts', 'syn-capture.ts'].map(example);
  const ask = (tree: ModuleTree, isRehearsal: boolean) => {
    const request: Request = { tree, options: {}, resident: true, isRehearsal };
    port2.postMessage(request);
  };
  const answers: Answer[] = [];
  await new Promise<void>((resolve) => {
    port2.on('message', (answer: Answer) => {
      answers.push(answer);
      if (answers.length === 2 * trees.length) resolve();
    });
    // All lies there when the first is begun.
    for (const tree of trees) {
      ask(tree, true);
      ask(tree, false);
    }
  });
  port2.close();
  const made = trees.map((tree) => ({ made: { object: objectOf(tree).object, diagnostics: [] } }));
  expect(answers.filter((_, at) => at % 2 === 1)).toEqual(made);
  expect(answers.filter((_, at) => at % 2 === 0)).not.toEqual(expect.arrayContaining(made.slice(0, 1)));
  // Others were taken out of a rehearsal.
  expect(heard).toBeLessThan(answers.length);
});

test('a rehearsal is gone on with while nothing but rehearsals is asked', async () => {
  const { port1, port2 } = new MessageChannel();
  serve(port1, () => undefined);
  const trees = ['rate-meter.ts', 'protocol-counter.ts'].map(example);
  const answers: Answer[] = [];
  await new Promise<void>((resolve) => {
    port2.on('message', (answer: Answer) => {
      answers.push(answer);
      if (answers.length === trees.length) resolve();
    });
    for (const tree of trees) port2.postMessage({ tree, options: {}, resident: true, isRehearsal: true });
  });
  port2.close();
  expect(answers).toEqual(
    trees.map((tree) => ({ made: { object: objectOf(tree).object, diagnostics: [] } })),
  );
});
