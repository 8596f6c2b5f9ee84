import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../../cni/errors.ts';
import type { Node } from '../../cni/node.ts';
import { runPlugin } from '../../cni/plugin.ts';
import { type ArbitraryCall, arbitraryCall } from '../../cni/testing/arbitrary-calls.ts';
import { passingObject } from '../../cni/testing/objects.ts';
import { run } from '../../cni/testing/shell.ts';
import { expectSpecified } from '../../cni/testing/specified.ts';
import { isReady } from '../../cni/verbs/ready.ts';
import { setSyscallHook } from '../../loader/index.ts';
import { sampling } from '../differential/agree.ts';

/** Calls of all shards; each shard runs in a process of its own. */
const CALLS = 50_000;
const SHARDS = 2;

/** Many times what all calls of a shard take, with others beside them too. */
const HANG_MILLISECONDS = 240_000;

/** What the kernel answers to every system call of a call: nothing of the dataplane is ever made. */
const ERRNOS = ['EPERM', 'ENOMEM', 'ENOSPC', 'EBUSY', 'EIO', 'ENOENT'] as const;

/** Calls of refused input: nothing on the node has been looked at by then. */
const REFUSED: readonly number[] = [
  ERROR_CODES.incompatibleVersion,
  ERROR_CODES.invalidEnvironment,
  ERROR_CODES.decode,
  ERROR_CODES.invalidConfiguration,
  ERROR_CODES.invalidNetns,
];

/** What any volume of calls comes to: verbs, codes, and whether the kernel was asked. */
const SEEN = [
  ...['ADD 0', 'ADD 1', 'ADD 4', 'ADD 6', 'ADD 7', 'ADD 8', 'ADD 999'],
  ...['ADD 0 by the kernel', 'ADD 101 by the kernel'],
  ...['CHECK 1', 'CHECK 4', 'CHECK 6', 'CHECK 7', 'CHECK 101 by the kernel'],
  ...['DEL 1', 'DEL 4', 'DEL 6', 'DEL 7', 'DEL 0 by the kernel', 'DEL 101 by the kernel'],
  ...[
    'GC 0 by the kernel',
    'GC 101 by the kernel',
    'GC 1',
    'GC 6',
    'GC 7',
    'STATUS 1',
    'STATUS 4',
    'STATUS 6',
    'STATUS 7',
  ],
  ...['STATUS 50 by the kernel', 'VERSION 0'],
];

/** Runs `body`, and ends it where it has not come to an end by then, in whatever loop it is. */
function withinTime(body: () => void): void {
  const name = 'natraFuzzBody';
  Object.assign(globalThis, { [name]: body });
  new Script(`${name}()`).runInThisContext({ timeout: HANG_MILLISECONDS });
}

/**
 * Whatever a process can be called with, natra gives an answer of the form that the specification asks for, soon. All is as
 * in the executable, up to the kernel, which refuses everything.
 */
export function testShard(shard: number): void {
  const { seed = 0, numRuns = 0 } = sampling(CALLS / SHARDS);
  const own = { numRuns, seed: seed + shard - 1 };
  const netns = `natra-fuzz-${process.pid}`;
  let node: Node;

  describe(`${numRuns} random calls of seed ${own.seed}`, () => {
    beforeAll(() => {
      run(`ip netns add ${netns}`);
      node = {
        stateDirectory: mkdtempSync(join(tmpdir(), 'natra-fuzz-')),
        pinDirectory: `/sys/fs/bpf/natra-fuzz-${process.pid}`,
        objectFile: passingObject,
        log: () => {},
      };
    });
    afterEach(() => void setSyscallHook(undefined));
    afterAll(() => {
      rmSync(node.stateDirectory, { recursive: true });
      run(`ip netns del ${netns}`);
    });

    test('are answered in the form of the specification', () => {
      const answers = new Set<string>();
      let last: ArbitraryCall | undefined;
      const property = fc.property(
        arbitraryCall(`/run/netns/${netns}`),
        fc.constantFrom(...ERRNOS),
        (call, errno) => {
          last = call;
          answers.add(answerTo(call, errno, node));
        },
      );
      try {
        withinTime(() => fc.assert(property, own));
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'))
          throw error;
        throw new Error(`no answer within ${HANG_MILLISECONDS} ms to ${fc.stringify(last)}`);
      }
      expect(SEEN.filter((each) => !answers.has(each))).toEqual([]);
    }, 3_600_000);
  });
}

/** Makes the call and holds everything about it against what has to be; gives the verb and the code. */
function answerTo({ variables, stdin }: ArbitraryCall, errno: (typeof ERRNOS)[number], node: Node): string {
  const text = Buffer.from(stdin).toString('utf8');
  const verb = variables.CNI_COMMAND ?? '';
  let calls = 0;
  setSyscallHook(() => {
    calls++;
    return -constants.errno[errno];
  });
  const outcome = runPlugin(variables, () => text, node);
  const code = expectSpecified(verb, text, outcome);
  // What main.ts asks first must not call good what the whole STATUS refuses.
  if (verb === 'STATUS' && REFUSED.includes(code))
    expect(isReady(variables, text, node, import.meta.dirname)).toBe(false);
  if (REFUSED.includes(code)) expect(calls).toBe(0);
  const records = readdirSync(node.stateDirectory).filter((name) => name.endsWith('.json'));
  // Only where ADD let a Pod start without its limits does anything stay, and it is the kernel that was the reason.
  expect(records).toHaveLength(verb === 'ADD' && code === 0 && calls > 0 ? 1 : 0);
  for (const name of records) {
    const path = join(node.stateDirectory, name);
    expect(JSON.parse(readFileSync(path, 'utf8')).failure.error).toContain(errno);
    rmSync(path);
  }
  return `${verb} ${code}${calls > 0 ? ' by the kernel' : ''}`;
}
