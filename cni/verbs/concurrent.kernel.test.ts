/** As many calls at once as a node sees that starts all of its Pods, each a process of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { removeDirectory } from '../../loader/index.ts';
import type { Direction } from '../config/bandwidth.ts';
import { type Node, thisNode } from '../node.ts';
import { statusOf } from '../status/node-status.ts';
import { buildExecutable } from '../testing/build.ts';
import { type CapturedCall, captured } from '../testing/calls.ts';
import { type Answer, makePods, removePods, sideBySide, start } from '../testing/many-pods.ts';
import type { PodEnds } from '../testing/pod.ts';
import { leftovers, type Snapshot, snapshot } from '../testing/snapshot.ts';

const PODS = 100;
/** Processes at a time. */
const WIDTH = 16;

const executable = join(import.meta.dirname, '..', '..', 'dist', 'natra');
const { env, stdin } = captured('ctrd1.7-ADD-full');

let pods: PodEnds[];
let directories: Record<string, string>;
let node: Node;
let before: Snapshot[];

beforeAll(() => {
  buildExecutable();
  pods = makePods(PODS);
  directories = {
    NATRA_STATE_DIR: join(mkdtempSync(join(tmpdir(), 'natra-many-')), 'state'),
    NATRA_PIN_DIR: `/sys/fs/bpf/natra-many-${process.pid}`,
  };
  node = thisNode(directories);
  before = pods.map((pod) => snapshot(pod, node));
});
afterAll(() => {
  removePods(pods);
  rmSync(join(node.stateDirectory, '..'), { recursive: true });
  removeDirectory(node.pinDirectory);
});

/** Bits a second. */
type Rates = { readonly [D in Direction]: number };

/** Of the nth Pod, so that no two have the same. */
const ratesOf = (index: number): Rates => ({ ingress: (index + 1) * 1e6, egress: (index + 201) * 1e6 });

const idOf = (index: number): string => `many-${index}`;

function call(verb: 'ADD' | 'DEL', index: number, rates = ratesOf(index)): () => Promise<Answer> {
  const made: CapturedCall = {
    env: { ...env, CNI_COMMAND: verb, CNI_CONTAINERID: idOf(index), CNI_NETNS: pods[index]!.netnsPath },
    stdin: {
      ...stdin,
      failurePolicy: 'closed',
      runtimeConfig: { bandwidth: { ingressRate: rates.ingress, egressRate: rates.egress } },
    },
  };
  return () => start(executable, made, directories);
}

/** Every ADD has printed the result of the plugin before it, every DEL nothing, and none has complained. */
function expectSuccess(answers: readonly Answer[]): void {
  const added = `${JSON.stringify(stdin.prevResult)}\n`;
  for (const { status, stdout, stderr } of answers)
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: expect.toSatisfy((text) => text === '' || text === added),
      stderr: '',
    });
}

/** The rates in force by container, of which every one has all that its record names. */
async function inForce(): Promise<Record<string, Partial<Rates>>> {
  const { limits, unlimited, notes } = await statusOf(node, 0);
  expect({ unlimited, notes, faults: limits.flatMap(({ faults }) => faults) }).toEqual({
    unlimited: [],
    notes: [],
    faults: [],
  });
  const found: Record<string, Partial<Rates>> = {};
  for (const { containerId, direction, capBitsPerSecond } of limits)
    found[containerId] = { ...found[containerId], [direction]: capBitsPerSecond };
  return found;
}

const wanted = (indexes: readonly number[], rates = ratesOf): Record<string, Rates> =>
  Object.fromEntries(indexes.map((index) => [idOf(index), rates(index)]));

const indexes = Array.from({ length: PODS }, (_, index) => index);
const even = indexes.filter((index) => index % 2 === 0);
const odd = indexes.filter((index) => index % 2 === 1);

test('100 ADDs at once put every Pod its own limits into force', async () => {
  expectSuccess(
    await sideBySide(
      WIDTH,
      indexes.map((index) => call('ADD', index)),
    ),
  );
  expect(await inForce()).toEqual(wanted(indexes));
}, 240_000);

/** What a repeated ADD asks for. */
const doubled = (index: number): Rates => {
  const { ingress, egress } = ratesOf(index);
  return { ingress: 2 * ingress, egress: 2 * egress };
};

test('DELs of half of the Pods among ADDs that change the others leave neither half with anything of the other', async () => {
  const mixed = indexes.map((index) =>
    index % 2 === 0 ? call('DEL', index) : call('ADD', index, doubled(index)),
  );
  expectSuccess(await sideBySide(WIDTH, mixed));
  expect(await inForce()).toEqual(wanted(odd, doubled));
  for (const index of even) {
    const { pins, state, ...own } = snapshot(pods[index]!, node);
    expect(own.traffic).toBe(before[index]!.traffic);
  }
}, 240_000);

test('calls at once for one Pod leave what one of them asked for as a whole, or nothing after a DEL', async () => {
  const adding = even.slice(0, 3);
  const both = even.slice(3, 6);
  const choices = (index: number): Rates[] =>
    [3, 5, 7].map((factor) => ({ ingress: factor * 1e6, egress: factor * (index + 1) * 1e7 }));
  const adds = (index: number) => choices(index).map((rates) => call('ADD', index, rates));
  expectSuccess(
    await sideBySide(WIDTH, [
      ...adding.flatMap(adds),
      ...both.flatMap((index) => [...adds(index), call('DEL', index), call('DEL', index)]),
    ]),
  );
  const found = await inForce();
  for (const index of adding) expect(choices(index)).toContainEqual(found[idOf(index)]);
  for (const index of both) expect([undefined, ...choices(index)]).toContainEqual(found[idOf(index)]);
  expect(found).toMatchObject(wanted(odd, doubled));
}, 240_000);

test('DELs of all Pods at once leave nothing', async () => {
  expectSuccess(
    await sideBySide(
      WIDTH,
      [...odd, ...even.slice(0, 6)].map((index) => call('DEL', index)),
    ),
  );
  const left = () =>
    pods
      .map((pod, index) => leftovers(before[index]!, snapshot(pod, node)))
      .filter((each) => each !== undefined);
  await expect.poll(left, { timeout: 20_000 }).toEqual([]);
}, 240_000);
