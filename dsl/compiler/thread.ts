/** What runs in a thread of `BackEndThreads`. */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { collectYoung } from './garbage.ts';
import { objectAgain, objectOf } from './generate.ts';
import { RememberedCode } from './remembered.ts';
import type { Answer, Made, Request } from './threads.ts';

class Server {
  private readonly remembered = new RememberedCode();
  /** What nobody asked for takes no place of what somebody may ask for again. */
  private readonly rehearsed = new RememberedCode();
  private hasAnswered = false;
  /** What is to be answered, in the order in which it came. */
  private readonly asked: Request[] = [];

  constructor(
    private readonly port: MessagePort,
    private readonly whenMade: () => void,
  ) {}

  answer(request: Request): void {
    this.asked.push(request);
    for (let next = this.asked.shift(); next !== undefined; next = this.asked.shift()) {
      const answer = this.answerTo(next);
      if (!this.hasAnswered) this.whenMade();
      this.hasAnswered = true;
      this.port.postMessage(answer);
    }
    // Behind the answer, which is on its way.
    if (request.resident) setImmediate(collectYoung);
  }

  private answerTo(request: Request): Answer {
    try {
      return { made: request.isRehearsal ? this.rehearse(request) : this.made(request) };
    } catch (thrown) {
      return { thrown };
    }
  }

  private made({ tree, options, resident }: Request): Made {
    if (resident) return objectAgain(this.remembered, tree, options);
    const { ir: _, ...made } = objectOf(tree, options);
    return made;
  }

  private rehearse({ tree, options }: Request): Made {
    return objectAgain(this.rehearsed, tree, { ...options, beforePass: () => this.look() });
  }

  /** Throws where anybody waits. */
  private look(): void {
    const received = receiveMessageOnPort(this.port);
    if (received !== undefined) this.asked.push(received.message);
    if (this.asked.some(({ isRehearsal }) => !isRehearsal)) throw new Error('there is something else to do');
  }
}

/** Makes objects of the trees that come, one after the other. `whenMade` is called once, before the first goes back. */
export function serve(port: MessagePort, whenMade: () => void): void {
  const server = new Server(port, whenMade);
  port.on('message', (request: Request) => server.answer(request));
}
