/** A Pod on a node of its own, whose programs need no compiler. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeDirectory, setSyscallHook } from '../../loader/index.ts';
import type { Node } from '../node.ts';
import { passingObject } from './objects.ts';
import { makePod, type TestPod } from './pod.ts';
import { type Snapshot, snapshot } from './snapshot.ts';

export interface PodOnNode {
  readonly pod: TestPod;
  readonly node: Node;
  /** What there was before natra. */
  readonly before: Snapshot;
  /** Takes away all that is left, and a test's hook on system calls with it. */
  readonly remove: () => void;
}

/** `name` is that of the pins' directory, for one who finds it left behind. Needs root. */
export function podOnNode(name: string, log: Node['log'] = () => {}): PodOnNode {
  const pod = makePod();
  const node: Node = {
    stateDirectory: mkdtempSync(join(tmpdir(), 'natra-state-')),
    pinDirectory: `/sys/fs/bpf/natra-${name}-${process.pid}`,
    objectFile: passingObject,
    log,
  };
  const remove = (): void => {
    setSyscallHook(undefined);
    pod.destroy();
    rmSync(node.stateDirectory, { recursive: true });
    removeDirectory(node.pinDirectory);
  };
  return { pod, node, before: snapshot(pod, node), remove };
}
