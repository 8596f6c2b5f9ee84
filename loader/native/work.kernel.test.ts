import { afterEach, describe, expect, it } from 'vitest';
import { lasting } from './arena.ts';
import { closeDescriptor } from './files.ts';
import { setSyscallHook, syscallInThread } from './syscall.ts';
import { besideBlocking, inThreads, inTurn, together, type Work } from './work.ts';

afterEach(() => {
  setSyscallHook(undefined);
});

const ways = [
  ['in turn', async <T>(work: Work<T>): Promise<T> => inTurn(work)],
  ['in threads', <T>(work: Work<T>): Promise<T> => inThreads(work)],
] as const;

const memory = lasting(8);
const call = (fd: number) => ({ kind: 'call', name: 'close', args: [fd], memory }) as const;

/** Says what it does; its long call gives its own number. */
function* part(name: string, said: string[], fd = 0): Work<void> {
  said.push(`${name} begins`);
  yield { kind: 'gate' };
  said.push(`${name} goes on`);
  const result = yield call(fd);
  said.push(`${name} has ${result}`);
}

const answering = (): void => {
  setSyscallHook((_, [fd]) => fd);
};

describe.each(ways)('parts of work %s', (_, run) => {
  it('come to their gates before any goes on, and each has what its own call gave', async () => {
    answering();
    const said: string[] = [];
    await run(together([part('one', said, 1), part('two', said, 2)]));
    expect(said.slice(0, 3)).toEqual(['one begins', 'two begins', 'one goes on']);
    expect(said.slice(3).sort()).toEqual(['one has 1', 'two goes on', 'two has 2']);
  });

  it('come to their end although one of them fails, and then the first error is thrown', async () => {
    answering();
    function* failing(): Work<void> {
      yield { kind: 'gate' };
      yield call(0);
      throw new Error('the first');
    }
    const said: string[] = [];
    await expect(run(together([failing(), part('two', said, 2), failing()]))).rejects.toThrow('the first');
    expect(said.at(-1)).toBe('two has 2');
  });

  it('that end before their gate hold up nobody', async () => {
    answering();
    // biome-ignore lint/correctness/useYield: a part without a step.
    function* short(): Work<void> {
      said.push('short');
    }
    const said: string[] = [];
    await run(together([short(), part('two', said, 2)]));
    expect(said).toEqual(['short', 'two begins', 'two goes on', 'two has 2']);
  });

  it('begin a call, go on, and have its result when they ask for it', async () => {
    answering();
    const said: string[] = [];
    function* beginning(): Work<void> {
      const begun = call(7);
      yield { kind: 'begin', call: begun };
      said.push('goes on');
      said.push(`has ${yield begun}`, `has ${yield begun}`);
    }
    await run(together([beginning()]));
    expect(said).toEqual(['goes on', 'has 7', 'has 7']);
  });

  it('block the thread once their first long call is begun, and end also where that throws', async () => {
    answering();
    const said: string[] = [];
    const blocking = () => {
      said.push('blocks');
      throw new Error('refused');
    };
    await expect(run(together([besideBlocking(part('one', said, 1), blocking)]))).rejects.toThrow('refused');
    expect(said).toEqual(['one begins', 'one goes on', 'blocks', 'one has 1']);
  });

  it('have the kernel itself answer', async () => {
    const ebadf = 9;
    const results: number[] = [];
    function* closing(): Work<void> {
      results.push(yield call(99_999));
    }
    await run(together([closing(), closing()]));
    expect(results).toEqual([-ebadf, -ebadf]);
  });
});

it('a long call of one part leaves the thread to the others', async () => {
  const said: string[] = [];
  await inThreads(together([part('one', said, 99_999), part('two', said, 99_999)]));
  expect(said[3]).toBe('two goes on');
});

it('a call in a thread gives its descriptor', async () => {
  const path = lasting(16);
  path.bytes.set(new TextEncoder().encode('/dev/null'));
  const AT_FDCWD = -100;
  const fd = await syscallInThread('openat', [AT_FDCWD, path.address, 0, 0], path);
  expect(fd).toBeGreaterThan(2);
  closeDescriptor(fd);
});
