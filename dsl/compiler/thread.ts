/** What runs in a thread of `BackEndThreads`. */
import type { MessagePort } from 'node:worker_threads';
import { objectOf } from './generate.ts';
import type { Answer, Request } from './threads.ts';

function answerTo({ tree, options }: Request): Answer {
  try {
    const { ir: _, ...made } = objectOf(tree, options);
    return { made };
  } catch (thrown) {
    return { thrown };
  }
}

/** Makes objects of the trees that come, one after the other. `whenMade` is called once, before the first goes back. */
export function serve(port: MessagePort, whenMade: () => void): void {
  let isFirst = true;
  port.on('message', (request: Request) => {
    const answer = answerTo(request);
    if (isFirst) whenMade();
    isFirst = false;
    port.postMessage(answer);
  });
}
