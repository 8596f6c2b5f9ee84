/** What is killed at any point, with no chance to clean up, is undone or finished by whatever comes next. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { COMMAND } from '../../loader/bpf/call.ts';
import { listPins, type MapHandle, openPins, type SyscallName, setSyscallHook } from '../../loader/index.ts';
import { koffi } from '../../loader/native/koffi.ts';
import type { Node } from '../node.ts';
import { type Act, allIsDone, CHANGES, isCommand, perform } from '../testing/acts.ts';
import { type CapturedCall, captured, forPod, make, withKeys } from '../testing/calls.ts';
import { watchFiles } from '../testing/file-hook.ts';
import { passingObject, rememberingObject } from '../testing/objects.ts';
import type { TestPod } from '../testing/pod.ts';
import { podOnNode } from '../testing/pod-on-node.ts';
import { oneIn, type Sample } from '../testing/sample.ts';
import { attachedPrograms, leftInTheEnd, type Snapshot } from '../testing/snapshot.ts';

const bundle = mkdtempSync(join(tmpdir(), 'natra-cut-off-'));
const executable = join(bundle, 'cut-off.cjs');

beforeAll(async () => {
  await build({
    entryPoints: [join(import.meta.dirname, '..', 'testing', 'cut-off.ts')],
    outfile: executable,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    define: { 'import.meta.dirname': JSON.stringify(import.meta.dirname) },
  });
});
afterAll(() => rmSync(bundle, { recursive: true }));

let pod: TestPod;
let node: Node;
let before: Snapshot;

beforeEach(() => {
  const made = podOnNode('cut');
  ({ pod, node, before } = made);
  return made.remove;
});

/** A process costs more than a call, so that a run meets fewer points by a real SIGKILL; `NATRA_RUNS=57` meets all. */
interface Samples {
  readonly killed: Sample;
  readonly cutOff: Sample;
}
const MANY: Samples = { killed: oneIn(19), cutOff: oneIn(3) };
/** An ADD, an upgrade and an operator change a limit by the same steps. */
const FEW: Samples = { killed: oneIn(57), cutOff: oneIn(9) };

/** Does something in a process that is killed before its nth change to the node; whether it came that far. */
async function killedAt(count: number, act: Act): Promise<boolean> {
  const { words, env, stdin } = isCommand(act) ? { words: act, env: {}, stdin: {} } : { words: [], ...act };
  const { signal, status, stderr } = spawnSync(
    process.execPath,
    [executable, String(count), node.stateDirectory, node.pinDirectory, ...words],
    { env: { PATH: process.env.PATH, ...env }, input: JSON.stringify(stdin), encoding: 'utf8' },
  );
  if (signal === null) expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  else expect(signal).toBe('SIGKILL');
  return signal !== null;
}

/** Descriptors close and threads leave namespaces when a process dies; everything else it can no longer do. */
const AT_EXIT: readonly SyscallName[] = ['close', 'setns'];

/** Does something of which the kernel serves `count` system calls and no more; whether it needed more. */
async function cutOffAfter(count: number, act: Act): Promise<boolean> {
  let served = 0;
  setSyscallHook((name) => {
    if (AT_EXIT.includes(name) || served++ < count) return undefined;
    return -constants.errno.EPERM;
  });
  try {
    await perform(act, node);
  } finally {
    setSyscallHook(undefined);
  }
  return served > count;
}

/** Whether a system call gives an attachment another program: a link's update, or a filter's replacement (RTM_NEWTFILTER). */
function isExchange(name: SyscallName, args: readonly number[]): boolean {
  if (name === 'bpf') return args[0] === COMMAND.linkUpdate;
  if (name !== 'sendto') return false;
  const [, address = 0, length = 0] = args;
  const view = new DataView(koffi().view(address, length));
  return view.getUint16(4, true) === 44;
}

/**
 * Does something that comes to its end after `count` changes to the node, of files, too, as a process does that is killed; gives
 * what it did until then.
 */
async function diesAfter(count: number, act: Act, where: Node): Promise<string[]> {
  const trace: string[] = [];
  let isDead = false;
  const step = (what: string): boolean => {
    isDead ||= trace.length >= count;
    if (!isDead) trace.push(what);
    return isDead;
  };
  setSyscallHook((name, args) => {
    if (AT_EXIT.includes(name)) return undefined;
    return step(isExchange(name, args) ? 'exchange' : name) ? -constants.errno.EPERM : undefined;
  });
  const endWatch = watchFiles((name) => {
    if (step(name)) throw new Error('it is dead');
  });
  try {
    await perform(act, where);
  } finally {
    endWatch();
    setSyscallHook(undefined);
  }
  return trace;
}

const done = { exitCode: 0 };

describe.each(['tcx', 'clsact'])('in mode %s', { timeout: 300_000 }, (attachMode) => {
  const withMode = (name: string): CapturedCall =>
    withKeys(forPod(captured(name), pod), { attachMode, failurePolicy: 'closed' });
  const add = () => withMode('cnitool1.3-cni1.1-ADD');
  const del = () => withMode('cnitool1.3-cni1.1-DEL');
  const gc = (): CapturedCall => {
    const { env, stdin } = captured('cnitool1.3-cni1.1-GC');
    return { env, stdin: { ...stdin, 'cni.dev/valid-attachments': [] } };
  };
  const otherLimits = (): CapturedCall => {
    const { env, stdin } = add();
    const bandwidth = { ingressRate: 5e6, ingressBurst: 2e6, egressRate: 20e6, egressBurst: 4e6 };
    return { env, stdin: { ...stdin, runtimeConfig: { bandwidth } } };
  };
  const check = ({ env, stdin }: CapturedCall) =>
    make({ env: { ...env, CNI_COMMAND: 'CHECK' }, stdin }, node);

  /** What comes next after the nth: each in turn, and `again` where the same may come. */
  let undone = process.pid;
  async function undo(count: number, again?: () => Promise<void>): Promise<void> {
    const way = undone++ % (again ? 4 : 3);
    if (way === 3) await again?.();
    if (way === 0) {
      expect(make(add(), node)).toMatchObject(done);
      expect(check(add())).toEqual({ stdout: '', ...done });
    }
    expect(make(way === 1 ? gc() : del(), node)).toMatchObject(done);
    expect(await leftInTheEnd(before, pod, node), `after ${count} changes`).toBeUndefined();
  }

  interface Sweep {
    readonly samples?: Samples;
    /** What is there each time that the act begins. */
    readonly setUp?: () => void;
    readonly whenEnded?: () => void;
    readonly again?: () => Promise<void>;
  }

  /** Ends `act` at every point of it; gives about how many there are. */
  async function endEverywhere(
    act: Act,
    { samples = MANY, setUp = () => {}, whenEnded = () => {}, again }: Sweep = {},
  ): Promise<number> {
    const endsAt = async (count: number, end: typeof killedAt): Promise<boolean> => {
      setUp();
      if (!(await end(count, act))) return false;
      whenEnded();
      await undo(count, again);
      return true;
    };
    const endAt = async ({ first, spacing }: Sample, end: typeof killedAt): Promise<number> => {
      let count = first;
      while (await endsAt(count, end)) count += spacing;
      return count;
    };
    await endAt(samples.killed, killedAt);
    expect(make(del(), node)).toMatchObject(done);
    return endAt(samples.cutOff, cutOffAfter);
  }
  const added = (where = node) => void expect(make(add(), where)).toMatchObject(done);

  test('an ADD is undone', async () => {
    expect(await endEverywhere(add())).toBeGreaterThan(30);
    await undo(0);
  });

  /** Whoever changes a limit loads a program for it, so that the attached one is the former or the new limit. */
  const bothAreLimited = (): void => expect(attachedPrograms(pod)).toEqual(['natra_egress', 'natra_ingress']);

  test('an ADD that changes limits leaves the Pod limited all the time', async () => {
    const points = await endEverywhere(otherLimits(), {
      samples: FEW,
      setUp: added,
      whenEnded: bothAreLimited,
    });
    expect(points).toBeGreaterThan(30);
    expect(check(otherLimits())).toEqual({ stdout: '', ...done });
    await undo(0);
  });

  test.each(CHANGES)(
    'a natra %s leaves the Pod limited all the time, and the next finishes it',
    async (_, words, former) => {
      const where = { ...node, objectFile: () => former(passingObject()) };
      const points = await endEverywhere(words, {
        samples: FEW,
        setUp: () => added(where),
        whenEnded: bothAreLimited,
        async again() {
          expect(await perform(words, node)).toMatchObject(done);
          expect(await perform(['upgrade'], node)).toEqual(allIsDone);
        },
      });
      expect(points).toBeGreaterThan(30);
      await undo(0);
    },
  );

  /** What the Pod owes towards others, ns of the monotonic clock. */
  const withClock = <T>(use: (memory: MapHandle, key: Uint8Array, contents: Uint8Array) => T): T => {
    const [place] = listPins(node.pinDirectory);
    const pins = openPins({ root: node.pinDirectory, key: place!.key, label: 'egress' })!;
    try {
      const memory = pins.sections['.bss']!;
      const key = new Uint8Array(memory.keySize);
      return use(memory, key, memory.lookup(key)!);
    } finally {
      pins.close();
    }
  };
  const owe = (until: bigint): void =>
    withClock((memory, key, contents) => {
      new DataView(contents.buffer).setBigUint64(0, until, true);
      memory.update(key, contents);
    });
  const owedUntil = (): bigint =>
    withClock((_, __, contents) => new DataView(contents.buffer).getBigUint64(0, true));

  test('a natra set that raises a limit converts what is owed once, wherever it ends', async () => {
    const remembering = { ...node, objectFile: rememberingObject };
    const [, words] = CHANGES.find(([name]) => name === 'set')!;
    const debt = 1_000_000_000_000n;
    /** The steps that come before the end, and those of them that give the limit towards others its program. */
    const endAt = async (count: number): Promise<{ readonly steps: number; readonly exchange: number }> => {
      added(remembering);
      const begin = process.hrtime.bigint();
      owe(begin + debt);
      const trace = await diesAfter(count, words, remembering);
      bothAreLimited();
      expect(await perform(words, remembering)).toMatchObject(done);
      // From 10 to 20 Mbit/s: half the time at the moment of the change.
      const late = owedUntil() - (begin + debt / 2n);
      expect(late, `after ${count} steps`).toBeGreaterThanOrEqual(0n);
      expect(late, `after ${count} steps`).toBeLessThanOrEqual(process.hrtime.bigint() - begin);
      expect(await perform(['upgrade'], remembering)).toEqual(allIsDone);
      expect(make(del(), node)).toMatchObject(done);
      expect(await leftInTheEnd(before, pod, node), `after ${count} steps`).toBeUndefined();
      return { steps: trace.length, exchange: trace.lastIndexOf('exchange') };
    };
    const { steps, exchange } = await endAt(Number.POSITIVE_INFINITY);
    expect(exchange).toBeGreaterThan(30);
    const { first, spacing } = FEW.cutOff;
    for (let count = first; count < exchange; count += spacing) await endAt(count);
    for (let count = exchange; count <= steps; count++) await endAt(count);
  });

  test.each(['DEL', 'GC'])('a %s is finished', async (verb) => {
    expect(await endEverywhere(verb === 'GC' ? gc() : del(), { setUp: added })).toBeGreaterThan(10);
    expect(await leftInTheEnd(before, pod, node)).toBeUndefined();
  });

  test.each(['lost', 'garbled'])('a %s record does not keep DEL from its work', async (fate) => {
    expect(make(add(), node)).toMatchObject(done);
    for (const name of readdirSync(node.stateDirectory).filter((each) => each.endsWith('.json'))) {
      if (fate === 'lost') rmSync(join(node.stateDirectory, name));
      else writeFileSync(join(node.stateDirectory, name), '{"format":1');
    }
    expect(make(del(), node)).toMatchObject(done);
    const ownerless = 'qdisc clsact ffff0000 parent fffffff1';
    if (attachMode === 'clsact') before = { ...before, traffic: `${before.traffic}\n${ownerless}` };
    expect(await leftInTheEnd(before, pod, node)).toBeUndefined();
  });
});
