/** Every change to the state directory failing in turn: a clear error, and nothing that the next DEL doesn't remove. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { beforeEach, describe, expect, test } from 'vitest';
import { listPins } from '../../loader/index.ts';
import type { Node } from '../node.ts';
import type { Outcome } from '../plugin.ts';
import { type CapturedCall, captured, forPod, make, withKeys } from '../testing/calls.ts';
import { type FileChange, watchFiles } from '../testing/file-hook.ts';
import type { TestPod } from '../testing/pod.ts';
import { podOnNode } from '../testing/pod-on-node.ts';
import { attachedPrograms, leftInTheEnd, type Snapshot } from '../testing/snapshot.ts';

const ERRNOS = ['ENOSPC', 'EROFS', 'EIO', 'EACCES'] as const;

let pod: TestPod;
let node: Node;
let before: Snapshot;

beforeEach(() => {
  const made = podOnNode('file');
  ({ pod, node, before } = made);
  return made.remove;
});

interface Faulted extends Outcome {
  /** Undefined where there were not so many changes. */
  readonly failed: FileChange | undefined;
}

/** Makes a call whose nth change to the state directory fails. */
function withFault(count: number, code: (typeof ERRNOS)[number], call: CapturedCall): Faulted {
  let left = count;
  let failed: FileChange | undefined;
  const unwatch = watchFiles((name) => {
    if (left-- !== 0) return;
    failed = name;
    const error = new Error(`${code}: as a test has it, ${name}`);
    throw Object.assign(error, { code, errno: -constants.errno[code], syscall: name });
  });
  try {
    return { ...make(call, node), failed };
  } finally {
    unwatch();
  }
}

/** All changes of a call failing in turn, each in one way; gives how many there are. */
async function failEverywhere(
  call: CapturedCall,
  judge: (outcome: Faulted, code: string) => Promise<void>,
): Promise<number> {
  for (let count = 0; ; count++) {
    const code = ERRNOS[count % ERRNOS.length] ?? 'EIO';
    const outcome = withFault(count, code, call);
    if (outcome.failed === undefined) {
      expect(outcome.exitCode).toBe(0);
      return count;
    }
    try {
      await judge(outcome, code);
    } catch (error) {
      throw new Error(`${outcome.failed} (${count}): ${code}: ${outcome.stdout}`, { cause: error });
    }
  }
}

const silent = { stdout: '', exitCode: 0 };

const nothingIsLeft = async (): Promise<void> =>
  expect(await leftInTheEnd(before, pod, node)).toBeUndefined();

describe.each(['tcx', 'clsact'])('in mode %s', { timeout: 120_000 }, (attachMode) => {
  const withMode = (name: string, failurePolicy = 'closed'): CapturedCall =>
    withKeys(forPod(captured(name), pod), { attachMode, failurePolicy });
  const add = () => withMode('cnitool1.3-cni1.1-ADD');
  const del = () => withMode('cnitool1.3-cni1.1-DEL');
  const check = () => withMode('cnitool1.3-cni1.1-CHECK');

  test('ADD says which file it could not write, and leaves no limit that is on no record', async () => {
    const refusedAt = new Set<string>();
    const count = await failEverywhere(add(), async ({ exitCode, stdout, failed }, code) => {
      if (exitCode !== 0) refusedAt.add(failed ?? '');
      if (exitCode === 0) expect(make(check(), node)).toEqual(silent);
      else {
        expect(JSON.parse(stdout)).toMatchObject({
          code: expect.toBeOneOf([5, 999]),
          msg: expect.any(String),
        });
        expect(stdout).toContain(code);
        expect(attachedPrograms(pod)).toEqual([]);
      }
      expect(make(del(), node)).toEqual(silent);
      await nothingIsLeft();
    });
    expect(count).toBeGreaterThan(5);
    expect(refusedAt).toEqual(new Set(['openSync', 'writeFileSync', 'renameSync']));
    expect(make(del(), node)).toEqual(silent);
  });

  test('under the failure policy "open" the Pod starts all the same', async () => {
    const count = await failEverywhere(withMode('cnitool1.3-cni1.1-ADD', 'open'), async ({ exitCode }) => {
      expect(exitCode).toBe(0);
      expect(attachedPrograms(pod)).toHaveLength(make(check(), node).exitCode === 0 ? 2 : 0);
      expect(make(del(), node)).toEqual(silent);
      await nothingIsLeft();
    });
    expect(count).toBeGreaterThan(5);
    expect(make(del(), node)).toEqual(silent);
  });

  test.each(['DEL', 'GC'])('a %s that cannot change a file is finished by the next', async (verb) => {
    const gc = withKeys(captured('cnitool1.3-cni1.1-GC'), { 'cni.dev/valid-attachments': [] });
    const call = verb === 'GC' ? gc : del();
    expect(make(add(), node)).toMatchObject({ exitCode: 0 });
    const count = await failEverywhere(call, async ({ exitCode, stdout }, code) => {
      if (exitCode !== 0) expect(stdout).toContain(code);
      expect(make(call, node)).toEqual(silent);
      await nothingIsLeft();
      expect(make(add(), node)).toMatchObject({ exitCode: 0 });
    });
    expect(count).toBeGreaterThan(1);
    await nothingIsLeft();
  });

  test('with a file in the place of the state directory a Pod ends all the same, and the other verbs say so', async () => {
    expect(make(add(), node)).toMatchObject({ exitCode: 0 });
    rmSync(node.stateDirectory, { recursive: true });
    writeFileSync(node.stateDirectory, '');
    const answered = (verb: string, call = add()) => {
      const { exitCode, stdout } = make({ ...call, env: { ...call.env, CNI_COMMAND: verb } }, node);
      return { exitCode, ...(stdout !== '' && JSON.parse(stdout)) };
    };
    const itsPlace = '; in the place of the state directory is something else: move it away';
    expect(answered('CHECK')).toMatchObject({ code: 102, details: expect.stringContaining('no record') });
    expect(answered('GC', captured('cnitool1.3-cni1.1-GC'))).toMatchObject({
      code: 5,
      details: expect.stringContaining(`list ${node.stateDirectory}: ENOTDIR${itsPlace}`),
    });
    expect(answered('STATUS')).toMatchObject({
      code: 50,
      details: `make the directory ${node.stateDirectory}: EEXIST${itsPlace}`,
    });
    for (const time of ['once', 'twice']) expect(make(del(), node), time).toEqual(silent);
    await expect.poll(() => attachedPrograms(pod), { timeout: 10_000 }).toEqual([]);
    expect(listPins(node.pinDirectory)).toEqual([]);
    expect(answered('ADD')).toMatchObject({
      code: 5,
      details: expect.stringMatching(`^write .*: ENOTDIR${itsPlace}$`),
    });
    expect(attachedPrograms(pod)).toEqual([]);
    rmSync(node.stateDirectory);
    mkdirSync(node.stateDirectory);
  });
});
