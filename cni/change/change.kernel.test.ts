/** Upgrading the programs of running Pods, and changing their limits by hand, under traffic. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readElf } from '../../dsl/object/elf/read.ts';
import { writeElf } from '../../dsl/object/elf/write.ts';
import { removeDirectory } from '../../loader/index.ts';
import { thisNode } from '../node.ts';
import { objectFile } from '../objects.ts';
import { type AttachmentRecord, listRecords } from '../state/records.ts';
import { type LimitStatus, statusOf } from '../status/node-status.ts';
import { operate as operateOn } from '../testing/acts.ts';
import { buildExecutable } from '../testing/build.ts';
import { captured, forPod, make } from '../testing/calls.ts';
import { ofAnotherRelease } from '../testing/objects.ts';
import { nameProgramsAs010 } from '../testing/pins.ts';
import { makePod, type TestPod } from '../testing/pod.ts';
import { run } from '../testing/shell.ts';
import { leftInTheEnd, type Snapshot, snapshot } from '../testing/snapshot.ts';
import { connect, flood } from '../testing/traffic.ts';

const root = join(import.meta.dirname, '..', '..');

let pod: TestPod;
let directories: { NATRA_STATE_DIR: string; NATRA_PIN_DIR: string; NATRA_LOG: string };
let before: Snapshot;

beforeAll(buildExecutable);
beforeEach(() => {
  pod = makePod();
  directories = {
    NATRA_STATE_DIR: mkdtempSync(join(tmpdir(), 'natra-change-')),
    NATRA_PIN_DIR: `/sys/fs/bpf/natra-change-${process.pid}`,
    NATRA_LOG: 'off',
  };
  before = snapshot(pod, node());
});
afterEach(() => {
  call('DEL');
  pod.destroy();
  rmSync(directories.NATRA_STATE_DIR, { recursive: true });
  removeDirectory(directories.NATRA_PIN_DIR);
});

const node = () => thisNode(directories);
const records = (): AttachmentRecord[] => listRecords(directories.NATRA_STATE_DIR, () => {});
const done = { exitCode: 0 };
const operate = (...words: string[]) => operateOn(words, node());

/** A call of kubelet's for 10 Mbit/s each way. */
function call(command: string, attachMode = 'tcx', where = node()) {
  const { env, stdin } = forPod(captured('kubelet1.36-ctrd2.2-cni1.1-ADD'), pod);
  return make(
    {
      env: { ...env, CNI_COMMAND: command },
      stdin: { ...stdin, cniVersion: '1.1.0', attachMode, failurePolicy: 'closed' },
    },
    where,
  );
}

async function ingress(): Promise<LimitStatus> {
  const limit = (await statusOf(node(), 0)).limits.find(({ direction }) => direction === 'ingress');
  if (limit === undefined) throw new Error('the Pod has no limit towards it');
  return limit;
}

const former = () => ({
  ...node(),
  objectFile: () => ofAnotherRelease(objectFile()),
  prepared: undefined,
});

/** Objects of a release that keeps another state: its counters are laid out as now. */
const withOtherState = () => {
  const image = readElf(objectFile());
  const sections = image.sections.map((section) =>
    section.name !== '.bss'
      ? section
      : {
          ...section,
          variables: section.variables.map((each) => ({ ...each, name: `former_${each.name}` })),
        },
  );
  return writeElf({ ...image, sections });
};

/** Bytes that the Pod received so far, with the time in ns. */
function received(): { readonly at: number; readonly bytes: number } {
  const [link] = JSON.parse(run(`ip -n ${pod.netns} -s -j link show ${pod.ifname}`));
  return { at: Number(process.hrtime.bigint()), bytes: link.stats64.rx.bytes };
}

/** Runs the executable beside this process. */
function execute(...argv: string[]): Promise<string> {
  const child = spawn(join(root, 'dist', 'natra'), argv, { env: { ...process.env, ...directories } });
  const told: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => told.push(String(text)));
  return new Promise((resolve) => child.on('close', (status) => resolve(`${told.join('')}${status}`)));
}

describe.each(['tcx', 'clsact'])('in mode %s', (attachMode) => {
  test('an upgrade under traffic: the limit holds all the time, and counters and sketch go on', async () => {
    expect(call('ADD', attachMode, former())).toMatchObject(done);
    const added = snapshot(pod, node());
    const subnet = connect(pod);
    const sending = flood(subnet, 3000, 1400);
    await pause(900);
    const counted = await ingress();
    const samples = [received()];
    const upgraded = execute('upgrade');
    while (samples.length < 20) {
      await pause(100);
      samples.push(received());
    }
    expect(await upgraded).toBe('limits upgraded: 2\n0');
    await sending;
    await flood(subnet, 300, 1400);

    const { burstBytes, faults, verdicts } = await ingress();
    for (const [index, from] of samples.entries())
      for (const to of samples.slice(index + 1)) {
        const allowed = (1e7 / 8) * ((to.at - from.at) / 1e9) + burstBytes;
        // Two packets: what the counters of the device count while they are read.
        expect(to.bytes - from.bytes).toBeLessThan(allowed + 2 * 1514);
      }
    expect((samples.at(-1)?.bytes ?? 0) - (samples[0]?.bytes ?? 0)).toBeGreaterThan(3e5);
    expect(faults).toEqual([]);
    expect(verdicts?.paced.packets).toBeGreaterThan(counted.verdicts?.paced.packets ?? 0n);
    const now = snapshot(pod, node());
    expect(now.links).toEqual(added.links);
    expect(now.pins).toEqual(added.pins);
    expect(now.programs.filter((id) => added.programs.includes(id))).toEqual([]);
    // All maps but the settings and the excluded subnets of each direction.
    expect(added.maps.filter((id) => !now.maps.includes(id)).length).toBeLessThanOrEqual(4);
    expect(call('CHECK', attachMode)).toEqual({ stdout: '', ...done });
    expect(call('DEL')).toMatchObject(done);
    expect(await leftInTheEnd(before, pod, node())).toBeUndefined();
  });

  test('a release that keeps another state: counters go on, the state begins anew', async () => {
    expect(
      call('ADD', attachMode, { ...node(), objectFile: withOtherState, prepared: undefined }),
    ).toMatchObject(done);
    await flood(connect(pod), 300, 1400);
    const counted = await ingress();
    expect(await operate('upgrade')).toEqual({ status: 0, out: 'limits upgraded: 2\n', error: '' });
    const { verdicts, sketch, faults } = await ingress();
    expect(faults).toEqual([]);
    expect(counted.verdicts?.paced.packets).toBeGreaterThan(0n);
    expect(verdicts?.paced).toEqual(counted.verdicts?.paced);
    expect(sketch?.falseHeavy).toBe(0);
    expect(call('CHECK', attachMode)).toEqual({ stdout: '', ...done });
  });

  test('what this release put there is left alone, and the operator hears of it', async () => {
    expect(call('ADD', attachMode, former())).toMatchObject(done);
    expect(await operate('upgrade')).toMatchObject({ status: 0, out: 'limits upgraded: 2\n' });
    const upgraded = snapshot(pod, node());
    const written = records();
    expect(await operate('upgrade')).toEqual({
      status: 0,
      out: 'limits upgraded: 0; of this release already: 2\n',
      error: '',
    });
    expect(snapshot(pod, node())).toEqual(upgraded);
    expect(records()).toEqual(written);
  });

  test('the record and the pins of natra 0.1.0 are read: status, upgrade, CHECK and DEL go by them', async () => {
    expect(call('ADD', attachMode)).toMatchObject(done);
    const [record] = records();
    if (record === undefined) throw new Error('the ADD left no record');
    writeRecordOf010(attachMode, record);
    nameProgramsAs010(directories.NATRA_PIN_DIR);
    expect(records()[0]?.directions.ingress?.layouts).toBeUndefined();
    expect((await ingress()).faults).toEqual([]);
    expect(call('CHECK', attachMode)).toEqual({ stdout: '', ...done });
    expect(await operate('upgrade')).toMatchObject({ status: 0, out: 'limits upgraded: 2\n' });
    expect(call('CHECK', attachMode)).toEqual({ stdout: '', ...done });
    expect(records()[0]?.directions.ingress?.layouts).toEqual(record.directions.ingress?.layouts);
    expect(call('DEL')).toMatchObject(done);
    expect(await leftInTheEnd(before, pod, node())).toBeUndefined();
  });
});

/** Puts the record that natra 0.1.0 wrote of such a Pod in the place of this one's; what names devices is exchanged. */
function writeRecordOf010(
  attachMode: string,
  { netns, containerId, ifname, directions }: AttachmentRecord,
): void {
  const text = readFileSync(
    join(root, 'cni', 'state', 'fixtures', `record-0.1.0-${attachMode}.json`),
    'utf8',
  );
  const identity = directions.egress?.made.find((each) => each.netns)?.netns?.identity ?? '';
  const { netns: formerNetns, directions: former } = JSON.parse(text);
  const moved = JSON.stringify(JSON.parse(text))
    .replaceAll(formerNetns, netns)
    .replaceAll(former.egress.made[0].netns.identity, identity)
    .replaceAll(`"${former.ingress.device}"`, `"${directions.ingress?.device}"`)
    .replaceAll(`"ifindex":${former.ingress.ifindex}`, `"ifindex":${directions.ingress?.ifindex}`)
    .replaceAll('/sys/fs/bpf/natra-rec', directories.NATRA_PIN_DIR);
  writeFileSync(join(directories.NATRA_STATE_DIR, `${containerId}-${ifname}.json`), moved);
}

test('an upgrade goes on past a limit that is not in force, says which, and leaves that as it is', async () => {
  expect(call('ADD')).toMatchObject(done);
  run(`tc qdisc del dev ${pod.hostDevice} root`);
  expect(await operate('upgrade')).toEqual({
    status: 1,
    out: 'limits upgraded: 0\n',
    error: expect.stringMatching(
      /^natra upgrade: upgrade: team-a\/web-k1 eth0: its ingress limit is not in force/,
    ),
  });
});

describe('natra set', () => {
  beforeEach(() => expect(call('ADD')).toMatchObject(done));

  test('changes what is asked for and nothing else, and CHECK tells it from what the Pod asks for', async () => {
    const burst = records()[0]?.directions.ingress?.burstBits;
    expect(await operate('set', 'team-a/web-k1', '--ingress-rate', '20M', '--egress-burst', '4M')).toEqual({
      status: 0,
      out: 'team-a/web-k1 eth0: ingress changed, egress changed\n',
      error: '',
    });
    const { limits } = await statusOf(node(), 0);
    expect(limits.map(({ faults, capBitsPerSecond }) => ({ faults, capBitsPerSecond }))).toEqual([
      { faults: [], capBitsPerSecond: 20e6 },
      { faults: [], capBitsPerSecond: 10e6 },
    ]);
    expect(records()[0]?.directions).toMatchObject({ egress: { burstBits: 4e6 } });
    expect(records()[0]?.directions.ingress?.burstBits).toBe(burst);
    expect(run(`tc class show dev ${pod.hostDevice}`)).toContain('rate 20Mbit');
    expect(JSON.parse(call('CHECK').stdout).details).toContain('in force is 20000000');
  });

  /** What a set that was killed once it had written the record leaves: all else is as it was. */
  const beginChange = (rateBitsPerSecond: number): void => {
    const [record] = records();
    if (record === undefined) throw new Error('the ADD left no record');
    const { ingress: limit } = record.directions;
    const directions = { ...record.directions, ingress: { ...limit, rateBitsPerSecond } };
    const file = join(directories.NATRA_STATE_DIR, `${record.containerId}-${record.ifname}.json`);
    writeFileSync(file, JSON.stringify({ ...record, directions }));
  };

  test.each([
    ['1k', ''],
    ['64k', ''],
    ['1M', ''],
    ['1k', ', where a change to that was killed'],
  ])(
    'what a limit of %s has let through ahead of time keeps nothing back at a higher one%s',
    async (slow, killed) => {
      const subnet = connect(pod);
      await operate('set', 'team-a/web-k1', '--ingress-rate', slow);
      const sending = flood(subnet, 4000, 1400);
      await pause(1500);
      if (killed !== '') beginChange(100e6);
      const set = await operate('set', 'team-a/web-k1', '--ingress-rate', '100M');
      expect(set.out).toBe('team-a/web-k1 eth0: ingress changed\n');
      const { verdicts } = await ingress();
      const { bytes } = received();
      await pause(300);
      const after = await ingress();
      await sending;
      expect(after.verdicts?.dropped).toEqual(verdicts?.dropped);
      expect(received().bytes - bytes).toBeGreaterThan(50_000);
      expect(after.faults).toEqual([]);
    },
  );

  test.each([['set', '5a1e06', '--ingress-rate', '10M'], ['upgrade']])(
    'mends what somebody else changed of a limit that is on record as asked for: %s',
    async (...words) => {
      expect(call('ADD')).toMatchObject(done);
      run(`tc class change dev ${pod.hostDevice} classid 6e74:10 htb rate 1gbit`);
      expect((await ingress()).faults).toEqual([expect.stringContaining('bytes/s pass instead of 1250000')]);
      expect(await operate(...words)).toMatchObject({ status: 0, error: '' });
      expect((await ingress()).faults).toEqual([]);
      expect(call('CHECK')).toMatchObject(done);
    },
  );

  test('leaves a limit alone that is as it is asked for, and says so', async () => {
    const former = snapshot(pod, node());
    expect(await operate('set', 'team-a/web-k1', '--ingress-rate', '10M')).toMatchObject({
      status: 0,
      out: 'team-a/web-k1 eth0: ingress is so already\n',
    });
    expect(snapshot(pod, node())).toEqual(former);
  });

  test.each([
    [['team-a/web-k1'], /say what to change/],
    [['--ingress-rate', '20M'], /name one Pod/],
    [
      ['team-a/web-k1', '--ingress-rate', '10'],
      /--ingress-rate is "10": it must be a quantity of bits a second/,
    ],
    [['team-b/web', '--ingress-rate', '20M'], /team-b\/web is not limited on this node/],
    [['5a1e', '--ingress-rate', '20M', '--interface', 'net1'], /5a1e is not limited at an interface net1/],
    [
      ['team-a/web-k1', '--egress-burst', '1P'],
      /the egress burst is 10{15}: it must be at most 36000000000 bits, 3600 s of the rate 10000000 bits\/s/,
    ],
    [
      ['team-a/web-k1', '--ingress-rate', '20M', '--egress-rate', '1k', '--egress-burst', '4M'],
      /egress burst/,
    ],
  ])('%j is refused in words', async (argv, rule) => {
    const former = snapshot(pod, node());
    expect(await operate('set', ...argv)).toMatchObject({ status: 1, error: expect.stringMatching(rule) });
    expect(snapshot(pod, node())).toEqual(former);
  });
});
