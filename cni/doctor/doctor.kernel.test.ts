/** `natra doctor` on this kernel, and on one that has less. */
import { rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { COMMAND } from '../../loader/bpf/call.ts';
import {
  attach,
  BPFFS,
  detach,
  findLink,
  listIds,
  loadProgram,
  RouteSocket,
  setSyscallHook,
} from '../../loader/index.ts';
import { countingObject } from '../../loader/testing/assembly.ts';
import type { Node } from '../node.ts';
import { objectFile, preparedObject } from '../objects.ts';
import { listRecords } from '../state/records.ts';
import { operate } from '../testing/acts.ts';
import { buildExecutable } from '../testing/build.ts';
import { captured, forPod, make } from '../testing/calls.ts';
import { type PodOnNode, podOnNode } from '../testing/pod-on-node.ts';
import { run } from '../testing/shell.ts';
import { RATE } from './choice.ts';
import { type Examination, examine } from './command.ts';
import type { Group } from './finding.ts';

const FOLDERS = { binDirectory: '/nowhere', confDirectory: '/nowhere' };
const EINVAL = -22;
const EPERM = -1;

let made: PodOnNode;
let node: Node;

beforeEach(() => {
  buildExecutable();
  made = podOnNode('doctor');
  node = { ...made.node, objectFile, prepared: preparedObject };
});
afterEach(() => made.remove());

const verdictOf = (examination: Examination, group: Group, subject: string): string | undefined =>
  examination.findings[group].find((finding) => finding.subject === subject)?.verdict;

test('it chooses what an ADD then does', () => {
  const { choices, healthy } = examine(node, FOLDERS, {});
  expect(healthy).toBe(true);
  const full = captured('ctrd1.7-ADD-full');
  const bandwidth = { ingressRate: RATE, egressRate: RATE };
  const stdin = { ...full.stdin, runtimeConfig: { bandwidth } };
  expect(make(forPod({ ...full, stdin }, made.pod), node)).toMatchObject({ exitCode: 0 });
  const [record] = listRecords(node.stateDirectory, () => {});
  try {
    expect(choices.map(({ direction }) => direction)).toEqual(['ingress', 'egress']);
    for (const { direction, placement, attachMode } of choices) {
      const { side, hook, pacing, made: attachments = [] } = record?.directions[direction] ?? {};
      expect(placement, direction).toEqual({ side, hook, pacing });
      expect(attachments.map(({ mode }) => mode)).toContain(attachMode);
    }
  } finally {
    make(forPod(captured('ctrd1.7-DEL1'), made.pod), node);
  }
});

test('it leaves nothing in the kernel', () => {
  const objects = () =>
    (['program', 'map', 'link'] as const).flatMap((kind) => listIds(kind).map((id) => `${kind} ${id}`));
  const before = new Set(objects());
  examine(node, FOLDERS, {});
  // Maps go once a grace period of RCU is over, also those that others left before.
  const added = () => objects().filter((object) => !before.has(object));
  return expect.poll(added, { timeout: 10_000 }).toEqual([]);
});

test('without tcx it chooses clsact, and says what the kernel said', () => {
  setSyscallHook((name, args) => (name === 'bpf' && args[0] === COMMAND.programQuery ? EINVAL : undefined));
  const examination = examine(node, FOLDERS, {});
  expect(verdictOf(examination, 'kernel', 'tcx')).toBe('absent');
  expect(examination.choices.map(({ attachMode }) => attachMode)).toEqual(['clsact', 'clsact']);
  expect(examination.healthy).toBe(true);
});

test('where bpf(2) is refused no Pod would be limited, and the status says so', async () => {
  setSyscallHook((name) => (name === 'bpf' ? EPERM : undefined));
  const { status, out } = await operate(['doctor', '--conf-dir=/nowhere'], node);
  expect(status).toBe(1);
  expect(out).toMatch(/^ {2}missing +classifier programs +the limiter itself: .*EPERM/m);
  expect(out).toMatch(/^ {2}egress +nothing: .*EPERM/m);
  expect(out).toMatch(/^Pods would get no limits here/m);
});

test('options of the environment count', () => {
  const { choices } = examine(node, FOLDERS, { NATRA_EDT_PACING: 'off', NATRA_ATTACH_SIDE: 'host' });
  expect(choices.map(({ placement }) => placement?.side)).toEqual(['host', 'host']);
  const wrong = examine(node, FOLDERS, { NATRA_EDT_PACING: 'perhaps' });
  expect(wrong.healthy).toBe(false);
  expect(verdictOf(wrong, 'cni', 'options')).toBe('missing');
});

test('as JSON it has the same', async () => {
  const { status, out } = await operate(['doctor', '--json', '--conf-dir=/nowhere'], node);
  expect(status).toBe(0);
  const examination: Examination = JSON.parse(out);
  expect(examination).toMatchObject({ healthy: true, machine: process.arch });
  expect(Object.keys(examination.findings)).toEqual(['kernel', 'rights', 'node', 'cni', 'others']);
});

test('programs and qdiscs of others are told of by their names, once for all devices', () => {
  const { hostDevice } = made.pod;
  const program = loadProgram(countingObject(1, 'foreign'), 'foreign');
  const pinPath = `${BPFFS}/natra-doctor-${process.pid}-link`;
  const attachments = (['tcx', 'clsact'] as const).map((mode) =>
    attach({
      ifindex: indexOf(hostDevice),
      direction: 'ingress',
      mode,
      program,
      pinPath,
      filterName: 'foreign',
    }),
  );
  run(`tc qdisc add dev ${hostDevice} root handle 7: htb`);
  try {
    const { others } = examine(node, FOLDERS, {}).findings;
    const here = others.filter(({ words }) => words === `on ${hostDevice}`);
    expect(here.map(({ subject }) => subject).sort()).toEqual([
      'foreign by clsact ingress',
      'foreign by tcx ingress',
      'htb as the root qdisc',
    ]);
  } finally {
    attachments.forEach(detach);
    program.close();
  }
});

test('who may not ask for programs is told of qdiscs all the same, and why of nothing else', () => {
  const { hostDevice } = made.pod;
  run(`tc qdisc add dev ${hostDevice} root handle 7: htb`);
  setSyscallHook((name) => (name === 'bpf' ? EPERM : undefined));
  const { others } = examine(node, FOLDERS, {}).findings;
  expect(others).toContainEqual({
    subject: 'htb as the root qdisc',
    verdict: 'note',
    words: `on ${hostDevice}`,
  });
  const refused = others.filter(({ subject }) => subject === 'programs');
  expect(refused).toEqual([
    { subject: 'programs', verdict: 'missing', words: expect.stringContaining('EPERM') },
  ]);
});

test('a file in the place of the state directory is missing something', () => {
  rmSync(node.stateDirectory, { recursive: true });
  writeFileSync(node.stateDirectory, '');
  const { findings, healthy } = examine(node, FOLDERS, {});
  expect(healthy).toBe(false);
  expect(findings.node).toContainEqual({
    subject: node.stateDirectory,
    verdict: 'missing',
    words: expect.stringContaining('ENOTDIR; in the place of the state directory is something else'),
  });
});

test("of those at natra's hook it says which come before", () => {
  const { env, stdin } = forPod(captured('ctrd1.7-ADD-full'), made.pod);
  expect(make({ env, stdin: { ...stdin, attachMode: 'tcx' } }, node)).toMatchObject({ exitCode: 0 });
  const [sooner, later] = ['sooner', 'later'].map((name) => loadProgram(countingObject(1, name), name));
  const attachments = [sooner!, later!].map((program) =>
    attach({
      ifindex: indexOf(made.pod.hostDevice),
      direction: 'egress',
      mode: 'tcx',
      program,
      pinPath: `${BPFFS}/natra-doctor-${process.pid}-${program.id}`,
      filterName: 'foreign',
      ...(program === sooner && { placement: { side: 'before' } }),
    }),
  );
  try {
    const { others } = examine(node, FOLDERS, {}).findings;
    const here = others.filter(({ words }) => words === `on ${made.pod.hostDevice}`);
    expect(here.map(({ subject }) => subject)).toEqual([
      "sooner by tcx egress, before natra's",
      'later by tcx egress',
    ]);
  } finally {
    attachments.forEach(detach);
    sooner!.close();
    later!.close();
    make(forPod(captured('ctrd1.7-DEL1'), made.pod), node);
  }
});

function indexOf(name: string): number {
  const socket = RouteSocket.open();
  try {
    return findLink(socket, name)!.ifindex;
  } finally {
    socket.close();
  }
}
