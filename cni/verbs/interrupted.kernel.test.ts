/** An ADD that ends at any point, with no chance to clean up, is undone by whatever call comes next. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { removeDirectory, type SyscallName, setSyscallHook } from '../../loader/index.ts';
import type { Node } from '../node.ts';
import { type CapturedCall, captured, forPod, make } from '../testing/calls.ts';
import { passingObject } from '../testing/objects.ts';
import { makePod, type TestPod } from '../testing/pod.ts';
import { leftovers, type Snapshot, snapshot } from '../testing/snapshot.ts';

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
  setSyscallHook(undefined);
  pod.destroy();
  rmSync(node.stateDirectory, { recursive: true });
  removeDirectory(node.pinDirectory);
});

/** Descriptors close and threads leave namespaces when a process dies; everything else it can no longer do. */
const AT_EXIT: readonly SyscallName[] = ['close', 'setns'];
const EPERM = 1;

/** Makes a call of which the kernel serves `count` system calls and no more; whether it needed more. */
function cutOffAfter(count: number, call: CapturedCall): boolean {
  let served = 0;
  setSyscallHook((name) => {
    if (AT_EXIT.includes(name)) return undefined;
    return served++ < count ? undefined : -EPERM;
  });
  try {
    return make(call, node).exitCode === 1;
  } finally {
    setSyscallHook(undefined);
  }
}

async function nothingIsLeft(after: string): Promise<void> {
  await expect
    .poll(() => leftovers(before, snapshot(pod, node)), { timeout: 10_000, message: after })
    .toBeUndefined();
}

describe.each(['tcx', 'clsact'])('in mode %s', (attachMode) => {
  const withMode = (name: string): CapturedCall => {
    const call = forPod(captured(name), pod);
    return { ...call, stdin: { ...call.stdin, attachMode, failurePolicy: 'closed' } };
  };

  test.each(['DEL', 'ADD and DEL', 'GC'])('%s undoes it', async (next) => {
    const add = withMode('cnitool1.3-cni1.1-ADD');
    const del = withMode('cnitool1.3-cni1.1-DEL');
    const gc = captured('cnitool1.3-cni1.1-GC');
    const collect: CapturedCall = { ...gc, stdin: { ...gc.stdin, 'cni.dev/valid-attachments': [] } };
    let count = 0;
    // Every third point for each kind of next call: the three together meet all of them.
    for (count = ['DEL', 'ADD and DEL', 'GC'].indexOf(next); cutOffAfter(count, add); count += 3) {
      if (next === 'ADD and DEL') expect(make(add, node)).toMatchObject({ exitCode: 0 });
      expect(make(next === 'GC' ? collect : del, node)).toMatchObject({ exitCode: 0 });
      await nothingIsLeft(`after ${count} system calls`);
    }
    expect(count).toBeGreaterThan(20);
    expect(make(del, node)).toMatchObject({ exitCode: 0 });
    await nothingIsLeft('in the end');
  });

  test('a DEL that is cut off is finished by the next', async () => {
    const add = withMode('cnitool1.3-cni1.1-ADD');
    const del = withMode('cnitool1.3-cni1.1-DEL');
    let count = 0;
    do {
      expect(make(add, node)).toMatchObject({ exitCode: 0 });
      cutOffAfter(count, del);
      expect(make(del, node)).toMatchObject({ exitCode: 0 });
      await nothingIsLeft(`after ${count} system calls`);
      count += 2;
    } while (count < 30);
  });

  test.each(['lost', 'garbled'])('a %s record does not keep DEL from its work', async (fate) => {
    expect(make(withMode('cnitool1.3-cni1.1-ADD'), node)).toMatchObject({ exitCode: 0 });
    for (const name of readdirSync(node.stateDirectory)) {
      if (fate === 'lost') rmSync(join(node.stateDirectory, name));
      else writeFileSync(join(node.stateDirectory, name), '{"format":1');
    }
    expect(make(withMode('cnitool1.3-cni1.1-DEL'), node)).toMatchObject({ exitCode: 0 });
    const ownerless = 'qdisc clsact ffff: parent ffff:fff1 ';
    if (attachMode === 'clsact') before = { ...before, traffic: `${before.traffic}\n${ownerless}` };
    await nothingIsLeft('after DEL');
  });
});
