/** Options by annotation on Pods that are limited for real. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { removeDirectory } from '../../loader/index.ts';
import { thisNode } from '../node.ts';
import { table } from '../status/command.ts';
import { type LimitStatus, statusOf } from '../status/node-status.ts';
import { buildExecutable } from '../testing/build.ts';
import { captured, forPod, make } from '../testing/calls.ts';
import { makePod, type TestPod } from '../testing/pod.ts';
import { connect, flood } from '../testing/traffic.ts';

const ANNOTATIONS = 'io.kubernetes.cri.pod-annotations';

let pod: TestPod;
let directories: { NATRA_STATE_DIR: string; NATRA_PIN_DIR: string };
let subnet: string;

beforeAll(buildExecutable);
beforeEach(() => {
  pod = makePod();
  directories = {
    NATRA_STATE_DIR: join(mkdtempSync(join(tmpdir(), 'natra-options-')), 'state'),
    NATRA_PIN_DIR: `/sys/fs/bpf/natra-options-${process.pid}`,
  };
  subnet = connect(pod);
});
afterEach(() => {
  make(forPod(captured('ctrd1.7-DEL1'), pod), node());
  pod.destroy();
  rmSync(join(directories.NATRA_STATE_DIR, '..'), { recursive: true });
  removeDirectory(directories.NATRA_PIN_DIR);
});

const node = () => thisNode(directories);
const call = (annotations: object, command = 'ADD') => {
  const { env, stdin } = forPod(captured('ctrd1.7-ADD-full'), pod);
  const runtimeConfig = { ...(stdin.runtimeConfig as object), [ANNOTATIONS]: annotations };
  return make(
    { env: { ...env, CNI_COMMAND: command }, stdin: { ...stdin, failurePolicy: 'closed', runtimeConfig } },
    node(),
  );
};
const add = (annotations: object) => expect(call(annotations)).toMatchObject({ exitCode: 0 });

async function ingress(): Promise<LimitStatus> {
  const { limits } = await statusOf(node(), 200);
  const limit = limits.find(({ direction }) => direction === 'ingress');
  if (limit === undefined) throw new Error('the Pod has no limit towards it');
  return limit;
}

test('what comes from an excluded subnet is not limited, and counted as such', async () => {
  add({ 'natra.dev/excluded-subnets': `2001:db8::/32,${subnet}.1/32` });
  await flood(subnet, 800, 1400);
  const { verdicts, faults } = await ingress();
  expect(faults).toEqual([]);
  expect(verdicts?.excluded.bytes).toBeGreaterThan(300_000n);
  expect(verdicts?.dropped.packets).toBe(0n);
  expect(verdicts?.paid.packets).toBe(0n);
});

test('a repeated ADD with other options goes on with the counters, and with no subnet of before', async () => {
  add({ 'natra.dev/excluded-subnets': `${subnet}.1/32` });
  await flood(subnet, 300, 1400);
  const first = (await ingress()).verdicts;
  expect(first?.excluded.packets).toBeGreaterThan(0n);
  add({ 'natra.dev/excluded-subnets': '192.0.2.0/24' });
  await flood(subnet, 500, 1400);
  const { verdicts, faults } = await ingress();
  expect(faults).toEqual([]);
  expect(verdicts?.excluded).toEqual(first?.excluded);
  const limited = (counts = verdicts) =>
    counts ? counts.mouse.packets + counts.paid.packets + counts.paced.packets : 0n;
  expect(limited()).toBeGreaterThan(limited(first) + 50n);
});

test('what comes from elsewhere is limited; the heaviest flow has its ends and its rate', async () => {
  add({ 'natra.dev/excluded-subnets': '192.0.2.0/24,2001:db8::/32', 'natra.dev/ecn': 'off' });
  const sending = flood(subnet, 2500, 1400);
  await pause(1500);
  const { limits } = await statusOf(node(), 500);
  await sending;
  const limit = limits.find(({ direction }) => direction === 'ingress');
  expect(limit?.verdicts?.excluded.packets).toBe(0n);
  const [flow] = limit?.flows ?? [];
  expect(flow).toMatchObject({
    protocol: 'udp',
    source: expect.stringContaining(`${subnet}.1:`),
    destination: `${subnet}.2:9`,
  });
  // It has the cap of 10 Mbit/s to itself; an estimate of half a second's samples.
  expect(flow?.bitsPerSecond).toBeGreaterThan(5_000_000);
  expect(flow?.bitsPerSecond).toBeLessThan(15_000_000);
  expect(table({ limits, unlimited: [], notes: [] }, false)).toMatch(/the heaviest flows.*\n {2}udp {2}10\./);
});

test('a packet-rate cap holds small packets back', async () => {
  add({ 'natra.dev/ingress-packet-rate': '100' });
  await flood(subnet, 2000, 10);
  const { verdicts } = await ingress();
  const passed = [verdicts?.mouse, verdicts?.paid, verdicts?.paced].reduce(
    (sum, count) => sum + Number(count?.packets ?? 0),
    0,
  );
  expect(passed).toBeGreaterThan(100);
  expect(passed).toBeLessThan(100 * 4);
  expect(verdicts?.dropped.packets).toBeGreaterThan(1000n);
});

test('CHECK sees that an option in force is not the one asked for', () => {
  const annotations = { 'natra.dev/mice-share': '50%', 'natra.dev/heavy-threshold': '1M' };
  add(annotations);
  expect(call(annotations, 'CHECK')).toMatchObject({ exitCode: 0 });
  expect(JSON.parse(call({ ...annotations, 'natra.dev/mice-share': '60%' }, 'CHECK').stdout)).toMatchObject({
    details: expect.stringContaining('miceSharePercent in force is 50, the configuration asks for 60'),
  });
});
