/** A call that is killed at any point, with no chance to clean up, is undone or finished by whatever call comes next. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { removeDirectory } from '../../loader/index.ts';
import type { Node } from '../node.ts';
import { type CapturedCall, captured, forPod, make } from '../testing/calls.ts';
import { passingObject } from '../testing/objects.ts';
import { makePod, type TestPod } from '../testing/pod.ts';
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
  pod = makePod();
  node = {
    stateDirectory: mkdtempSync(join(tmpdir(), 'natra-state-')),
    pinDirectory: `/sys/fs/bpf/natra-cut-${process.pid}`,
    objectFile: passingObject,
    log: () => {},
  };
  before = snapshot(pod, node);
});
afterEach(() => {
  pod.destroy();
  rmSync(node.stateDirectory, { recursive: true });
  removeDirectory(node.pinDirectory);
});

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

  /** What comes next after the nth: each in turn, so that the three together meet every point. */
  function undo(count: number): void {
    if (count % 3 === 0) {
      expect(make(add(), node)).toMatchObject(done);
      expect(check(add())).toEqual({ stdout: '', ...done });
    }
    expect(make(count % 3 === 1 ? gc() : del(), node)).toMatchObject(done);
    expect(leftovers(before, snapshot(pod, node)), `after ${count} changes`).toBeUndefined();
  }

  /** Kills `call` at every point of it, each time after `first`. */
  function killEverywhere(call: CapturedCall, first?: CapturedCall, whenKilled = () => {}): number {
    for (let count = 0; ; count++) {
      if (first !== undefined) expect(make(first, node)).toMatchObject(done);
      if (!killedAt(count, call)) return count;
      whenKilled();
      undo(count);
    }
  }

  test('an ADD is undone', () => {
    expect(killEverywhere(add())).toBeGreaterThan(50);
    undo(0);
  });

  test('an ADD that changes limits leaves the Pod limited all the time', () => {
    const points = killEverywhere(otherLimits(), add(), () => {
      expect(snapshot(pod, node).programs.length).toBeGreaterThanOrEqual(2);
    });
    expect(points).toBeGreaterThan(50);
    expect(check(otherLimits())).toEqual({ stdout: '', ...done });
    undo(0);
  });

  test.each(['DEL', 'GC'])('a %s is finished', (verb) => {
    expect(killEverywhere(verb === 'GC' ? gc() : del(), add())).toBeGreaterThan(10);
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
