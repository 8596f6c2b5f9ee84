import path from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { treeOf } from './compile.ts';
import { objectOf } from './generate.ts';
import { serve } from './thread.ts';
import type { Answer, Request } from './threads.ts';

const example = (name: string) => {
  const file = path.resolve(import.meta.dirname, '../../programs/examples', name);
  return treeOf(file, {}).tree!;
};

test('a resident thread warms up while nothing is asked, and leaves that for what is', async () => {
  const { port1, port2 } = new MessageChannel();
  serve(port1, () => undefined);
  let heard = 0;
  port1.on('message', () => {
    heard += 1;
  });
  const answers: Answer[] = [];
  port2.on('message', (answer: Answer) => answers.push(answer));
  const trees = ['rate-meter.ts', 'protocol-counter.ts', 'syn-capture.ts'].map(example);
  let asked = 0;
  const ask = () => {
    const request: Request = { tree: trees[asked]!, options: {}, resident: true };
    asked += 1;
    port2.postMessage(request);
  };
  await new Promise<void>((resolve) => {
    // Begun before the warming up, it comes first in each turn: what it asks for lies there when that starts.
    const tick = (idle: number) => {
      if (answers.length === trees.length) return resolve();
      const asksNow = answers.length === asked && idle === 4;
      if (asksNow) ask();
      setImmediate(tick, asksNow || answers.length < asked ? 0 : idle + 1);
    };
    tick(0);
  });
  port2.close();
  expect(answers).toEqual(
    trees.map((tree) => ({ made: { object: objectOf(tree).object, diagnostics: [] } })),
  );
  // The first came as a message; others were taken out of a compilation that nobody waited for.
  expect(heard).toBeGreaterThanOrEqual(1);
  expect(heard).toBeLessThan(trees.length);
});
