/** What runs in a thread of `BackEndThreads`. */
import type { MessagePort } from 'node:worker_threads';
import { objectAgain } from './generate.ts';
import { RememberedCode } from './remembered.ts';
import type { Answer, Request } from './threads.ts';

function answerTo({ tree, options }: Request, remembered: RememberedCode): Answer {
  try {
    return { made: objectAgain(remembered, tree, options) };
  } catch (thrown) {
    return { thrown };
  }
}

/** Makes objects of the trees that come, one after the other. `whenMade` is called once, before the first goes back. */
export function serve(port: MessagePort, whenMade: () => void): void {
  const remembered = new RememberedCode();
  let isFirst = true;
  port.on('message', (request: Request) => {
    const answer = answerTo(request, remembered);
    if (isFirst) whenMade();
    isFirst = false;
    port.postMessage(answer);
  });
}
