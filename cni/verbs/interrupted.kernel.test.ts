/** A call that is killed at any point, with no chance to clean up, is undone or finished by whatever call comes next. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type SyscallName, setSyscallHook } from '../../loader/index.ts';
import type { Node } from '../node.ts';
import { type CapturedCall, captured, forPod, make } from '../testing/calls.ts';
import type { TestPod } from '../testing/pod.ts';
import { podOnNode } from '../testing/pod-on-node.ts';
import { oneIn, type Sample } from '../testing/sample.ts';
import { leftovers, type Snapshot, snapshot } from '../testing/snapshot.ts';

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

/** A process costs more than a call, so that a run meets fewer points by a real SIGKILL; `NATRA_RUNS=19` meets all. */
const KILLED = oneIn(19);
const CUT_OFF = oneIn(3);

/** Makes a call in a process that is killed before its nth change to the node; whether it came that far. */
function killedAt(count: number, { env, stdin }: CapturedCall): boolean {
  const { signal, status } = spawnSync(
    process.execPath,
    [executable, String(count), node.stateDirectory, node.pinDirectory],
    { env: { PATH: process.env.PATH, ...env }, input: JSON.stringify(stdin) },
  );
  if (signal === null) expect(status).toBe(0);
  else expect(signal).toBe('SIGKILL');
  return signal !== null;
}

/** Descriptors close and threads leave namespaces when a process dies; everything else it can no longer do. */
const AT_EXIT: readonly SyscallName[] = ['close', 'setns'];

/** Makes a call of which the kernel serves `count` system calls and no more; whether it needed more. */
function cutOffAfter(count: number, call: CapturedCall): boolean {
  let served = 0;
  setSyscallHook((name) => {
    if (AT_EXIT.includes(name) || served++ < count) return undefined;
    return -constants.errno.EPERM;
  });
  try {
    make(call, node);
  } finally {
    setSyscallHook(undefined);
  }
  return served > count;
}

const done = { exitCode: 0 };

describe.each(['tcx', 'clsact'])('in mode %s', { timeout: 300_000 }, (attachMode) => {
  const withMode = (name: string): CapturedCall => {
    const call = forPod(captured(name), pod);
    return { ...call, stdin: { ...call.stdin, attachMode, failurePolicy: 'closed' } };
  };
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

  /** What comes next after the nth: each in turn. */
  let undone = process.pid;
  function undo(count: number): void {
    const way = undone++ % 3;
    if (way === 0) {
      expect(make(add(), node)).toMatchObject(done);
      expect(check(add())).toEqual({ stdout: '', ...done });
    }
    expect(make(way === 1 ? gc() : del(), node)).toMatchObject(done);
    expect(leftovers(before, snapshot(pod, node)), `after ${count} changes`).toBeUndefined();
  }

  /** Ends `call` at every point of it, each time after `setUp`; gives about how many there are. */
  function endEverywhere(call: CapturedCall, setUp?: CapturedCall, whenEnded = () => {}): number {
    const endsAt = (count: number, end: typeof killedAt): boolean => {
      if (setUp !== undefined) expect(make(setUp, node)).toMatchObject(done);
      if (!end(count, call)) return false;
      whenEnded();
      undo(count);
      return true;
    };
    const endAt = ({ first, spacing }: Sample, end: typeof killedAt): number => {
      let count = first;
      while (endsAt(count, end)) count += spacing;
      return count;
    };
    endAt(KILLED, killedAt);
    expect(make(del(), node)).toMatchObject(done);
    return endAt(CUT_OFF, cutOffAfter);
  }

  test('an ADD is undone', () => {
    expect(endEverywhere(add())).toBeGreaterThan(30);
    undo(0);
  });

  test('an ADD that changes limits leaves the Pod limited all the time', () => {
    const points = endEverywhere(otherLimits(), add(), () => {
      expect(snapshot(pod, node).programs.length).toBeGreaterThanOrEqual(2);
    });
    expect(points).toBeGreaterThan(30);
    expect(check(otherLimits())).toEqual({ stdout: '', ...done });
    undo(0);
  });

  test.each(['DEL', 'GC'])('a %s is finished', (verb) => {
    expect(endEverywhere(verb === 'GC' ? gc() : del(), add())).toBeGreaterThan(10);
    expect(leftovers(before, snapshot(pod, node))).toBeUndefined();
  });

  test.each(['lost', 'garbled'])('a %s record does not keep DEL from its work', (fate) => {
    expect(make(add(), node)).toMatchObject(done);
    for (const name of readdirSync(node.stateDirectory).filter((each) => each.endsWith('.json'))) {
      if (fate === 'lost') rmSync(join(node.stateDirectory, name));
      else writeFileSync(join(node.stateDirectory, name), '{"format":1');
    }
    expect(make(del(), node)).toMatchObject(done);
    const ownerless = 'qdisc clsact ffff0000 parent fffffff1';
    if (attachMode === 'clsact') before = { ...before, traffic: `${before.traffic}\n${ownerless}` };
    expect(leftovers(before, snapshot(pod, node))).toBeUndefined();
  });
});
