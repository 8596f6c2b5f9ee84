/** What runs in a thread of `BackEndThreads`. */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { compileTree, objectAgain, objectOf } from './generate.ts';
import { RememberedCode } from './remembered.ts';
import type { Answer, Made, Request } from './threads.ts';

/** Compilations of the dataplane until V8 has optimised the compiler: the first takes ten times as long as later ones. */
const WARM = 20;

class Server {
  private readonly remembered = new RememberedCode();
  private answered = 0;
  private compiled = 0;
  /** What came while nobody waited for what was being compiled. */
  private asked: Request | undefined;

  constructor(
    private readonly port: MessagePort,
    private readonly whenMade: () => void,
  ) {}

  answer(request: Request): void {
    const answer = this.answerTo(request);
    if (this.answered === 0) this.whenMade();
    this.answered += 1;
    this.port.postMessage(answer);
    if (request.resident) this.warmUp(request, this.answered);
  }

  private answerTo(request: Request): Answer {
    try {
      return { made: this.made(request) };
    } catch (thrown) {
      return { thrown };
    }
  }

  private made({ tree, options, resident }: Request): Made {
    if (resident) return objectAgain(this.remembered, tree, options);
    const { ir: _, ...made } = objectOf(tree, options);
    return made;
  }

  /**
   * Compiles what was asked for last again and again while nothing else is asked for: each time in a turn of the event loop,
   * and no further than the next pass when a message comes.
   */
  private warmUp(request: Request, answered: number): void {
    if (this.compiled >= WARM) return;
    setImmediate(() => {
      if (this.answered !== answered) return;
      this.compiled += 1;
      try {
        compileTree(request.tree, { ...request.options, beforePass: () => this.look() });
        this.warmUp(request, answered);
      } catch {
        // What is wrong has been told of with the answer.
        const { asked } = this;
        this.asked = undefined;
        if (asked !== undefined) this.answer(asked);
      }
    });
  }

  private look(): void {
    this.asked = receiveMessageOnPort(this.port)?.message;
    if (this.asked !== undefined) throw new Error('there is something else to do');
  }
}

/** Makes objects of the trees that come, one after the other. `whenMade` is called once, before the first goes back. */
export function serve(port: MessagePort, whenMade: () => void): void {
  const server = new Server(port, whenMade);
  port.on('message', (request: Request) => server.answer(request));
}
