/** Which end, hook and queue ADD chooses on devices of the running kernel, and what of others it leaves alone. */
import { beforeEach, describe, expect, test } from 'vitest';
import { ALU, CLASS, encode, OPCODE_EXIT } from '../../dsl/object/instruction.ts';
import { tryCreateTcxLink } from '../../loader/bpf/link.ts';
import { loadProgram } from '../../loader/bpf/program.ts';
import {
  closeDescriptor,
  findLink,
  openById,
  programInfo,
  queryTcx,
  tcxAttachType,
} from '../../loader/index.ts';
import type { JsonObject } from '../config/json.ts';
import { withRouteSocket } from '../dataplane/devices.ts';
import type { Node } from '../node.ts';
import { listRecords } from '../state/records.ts';
import { statusOf } from '../status/node-status.ts';
import { type CapturedCall, captured, forPod, make, withKeys } from '../testing/calls.ts';
import type { TestPod } from '../testing/pod.ts';
import { podOnNode } from '../testing/pod-on-node.ts';
import { run } from '../testing/shell.ts';
import { leftInTheEnd, type Snapshot, snapshot } from '../testing/snapshot.ts';

/** r0 = TCX_PASS; exit: whoever comes after is not asked. */
const ENDS_THE_CHAIN = encode([
  { opcode: CLASS.alu64 | ALU.mov, dst: 0, src: 0, offset: 0, imm: 0 },
  { opcode: OPCODE_EXIT, dst: 0, src: 0, offset: 0, imm: 0 },
]);

let pod: TestPod;
let node: Node;
let log: string[];
let before: Snapshot;

beforeEach(() => {
  log = [];
  const made = podOnNode('place', (message) => log.push(message));
  ({ pod, node, before } = made);
  return made.remove;
});

const nothingIsLeft = async (): Promise<void> =>
  expect(await leftInTheEnd(before, pod, node)).toBeUndefined();

const ok = { exitCode: 0 };

describe('where a program sits', () => {
  /** Where fq comes before HTB in both directions. */
  const FAST = { runtimeConfig: { bandwidth: { ingressRate: 1_000_000_000, egressRate: 1_000_000_000 } } };
  /** HTB on both ends. */
  const QUEUED = { edtPacing: 'off' };
  const add = (options: JsonObject): CapturedCall =>
    withKeys(forPod(captured('ctrd1.7-ADD-full'), pod), options);
  const remove = () => make(forPod(captured('ctrd1.7-DEL1'), pod), node);
  const check = (options: JsonObject): unknown => {
    const { env, stdin } = add(options);
    const { stdout } = make({ env: { ...env, CNI_COMMAND: 'CHECK' }, stdin }, node);
    return stdout === '' ? 'as recorded' : JSON.parse(stdout);
  };

  test('what it need not parse is on record and in force, as CHECK sees', async () => {
    const options = { vlanTags: 'off', ipFamilies: 'ipv4' };
    expect(make(add(options), node)).toMatchObject(ok);
    const [record] = listRecords(node.stateDirectory, () => {});
    expect(record?.directions).toMatchObject({ ingress: options, egress: options });
    const { env, stdin } = add(options);
    expect(make({ env: { ...env, CNI_COMMAND: 'CHECK' }, stdin }, node)).toMatchObject(ok);
    expect(remove()).toMatchObject(ok);
    await nothingIsLeft();
  });

  test.each([
    [{ attachSide: 'host', attachMode: 'clsact' }, 'host'],
    [{ attachSide: 'pod', attachMode: 'clsact' }, 'pod'],
  ])('%j puts both filters on the %s end', async (options, side) => {
    expect(make(add({ ...options, edtPacing: 'off' }), node)).toMatchObject(ok);
    const filters = (where: string, device: string): string =>
      run(`tc${where} filter show dev ${device} ingress`) +
      run(`tc${where} filter show dev ${device} egress`);
    const host = filters('', pod.hostDevice);
    const inside = filters(` -n ${pod.netns}`, pod.ifname);
    const [used, unused] = side === 'host' ? [host, inside] : [inside, host];
    expect(used.match(/direct-action/g)).toHaveLength(2);
    expect(unused).toBe('');
    expect(remove()).toMatchObject(ok);
    await nothingIsLeft();
  });

  test('edtPacing "on" under failurePolicy "closed" places fq, or is refused and leaves nothing where the kernel has none', async () => {
    const outcome = make(add({ edtPacing: 'on', failurePolicy: 'closed' }), node);
    if (outcome.exitCode === 0) {
      expect(run(`tc qdisc show dev ${pod.hostDevice}`)).toContain('qdisc fq');
      expect(remove()).toMatchObject(ok);
    } else {
      expect(JSON.parse(outcome.stdout)).toMatchObject({
        code: 101,
        details: expect.stringContaining('CONFIG_NET_SCH_FQ'),
      });
    }
    await nothingIsLeft();
  });

  test('without departure times heavy flows wait in htb classes, and CHECK sees when those are gone', async () => {
    expect(make(add(QUEUED), node)).toMatchObject(ok);
    const classes = (where: string, device: string): string => run(`tc${where} class show dev ${device}`);
    expect(classes('', pod.hostDevice)).toContain('class htb 6e74:30 parent 6e74:10');
    expect(classes(` -n ${pod.netns}`, pod.ifname)).toContain('class htb 6e74:30 parent 6e74:10');
    expect(check(QUEUED)).toBe('as recorded');
    run(`tc qdisc del dev ${pod.hostDevice} root`);
    expect(check(QUEUED)).toMatchObject({ details: expect.stringContaining('the htb qdisc is missing') });
    expect(remove()).toMatchObject(ok);
    await nothingIsLeft();
  });

  test.each([
    ['the rate of the cap', 'tc class change DEV classid 6e74:10 htb rate 1gbit', 'bytes/s'],
    [
      "a class's own rate",
      'tc class change DEV parent 6e74:10 classid 6e74:20 htb rate 1gbit ceil 10mbit',
      'bytes/s',
    ],
    [
      'a lower ceiling',
      'tc class change DEV parent 6e74:10 classid 6e74:30 htb rate 1250kbit ceil 2mbit',
      'bytes/s',
    ],
    ['a class that goes', 'tc class del DEV classid 6e74:20', 'an htb class is missing'],
    ['a queue that goes', 'tc qdisc del DEV parent 6e74:30', 'the queue of an htb class is missing'],
    [
      'another queue in its place',
      'tc qdisc replace DEV parent 6e74:20 pfifo limit 1',
      'the queue of an htb class is missing',
    ],
    [
      'another htb in its place',
      'tc qdisc del DEV root; tc qdisc add DEV root handle 9: htb',
      'the htb qdisc is missing',
    ],
  ])(
    'CHECK sees that somebody else changed %s, and the next ADD mends what it may',
    async (_, commands, words) => {
      expect(make(add(QUEUED), node)).toMatchObject(ok);
      for (const command of commands.split('; ')) run(command.replace('DEV', `dev ${pod.hostDevice}`));
      expect(check(QUEUED)).toMatchObject({
        details: expect.stringMatching(new RegExp(`^ingress: [^;]*${words}[^;]*$`)),
      });
      expect(make(add(QUEUED), node)).toMatchObject(ok);
      expect(check(QUEUED)).toBe('as recorded');
      expect(remove()).toMatchObject(ok);
      if (commands.includes('root')) run(`tc qdisc del dev ${pod.hostDevice} root`);
      await nothingIsLeft();
    },
  );

  test("somebody else's root qdisc stays, and the limit polices beside it, with the reason in the log", async () => {
    run(`tc qdisc add dev ${pod.hostDevice} root handle 5: htb`);
    before = snapshot(pod, node);
    expect(make(add(FAST), node)).toMatchObject(ok);
    expect(log.join('\n')).toMatch(
      /ingress .*policing on the host end; since no edt on the host end: .*; since no queue on the host end: add htb qdisc to ifindex \d+: EEXIST: its root qdisc is htb 5:/,
    );
    expect(remove()).toMatchObject(ok);
    await nothingIsLeft();
  });

  test('fq paces both directions, or a kernel without it is asked once and both say so', async () => {
    expect(make(add(FAST), node)).toMatchObject(ok);
    const [record] = listRecords(node.stateDirectory, () => {});
    const { ingress, egress } = record?.directions ?? {};
    if (ingress?.pacing === 'edt') expect(egress?.pacing).toBe('edt');
    else {
      const words = (end: string): RegExp =>
        new RegExp(`since no edt on the ${end} end: (add fq qdisc to .*ENOENT.*)`);
      const [, first] = words('host').exec(ingress?.reason ?? '') ?? [];
      expect(first).toContain('CONFIG_NET_SCH_FQ');
      // The words for one device, so that the other was not asked for.
      expect(words('pod').exec(egress?.reason ?? '')?.[1]).toBe(first);
    }
    expect(remove()).toMatchObject(ok);
    await nothingIsLeft();
  });

  test("by tcx natra's program comes before those that it finds, one of which may end the chain, and stays there", async () => {
    const ifindex = withRouteSocket((socket) => findLink(socket, pod.hostDevice)?.ifindex ?? 0);
    const attachType = tcxAttachType('egress');
    const final = loadProgram({ name: 'foreign', kind: 'classifier', code: ENDS_THE_CHAIN, license: 'GPL' });
    const link = tryCreateTcxLink({ programFd: final, ifindex, attachType });
    const order = (): (string | undefined)[] =>
      queryTcx(ifindex, attachType).programs.map(({ programId }) => {
        const fd = openById('program', programId) ?? -1;
        try {
          return programInfo(fd).name;
        } finally {
          closeDescriptor(fd);
        }
      });
    try {
      before = snapshot(pod, node);
      const byTcx = { ...QUEUED, attachMode: 'tcx' };
      expect(make(add(byTcx), node)).toMatchObject(ok);
      expect(order()).toEqual(['natra_ingress', 'foreign']);
      expect(make(add(byTcx), node)).toMatchObject(ok);
      expect(order()).toEqual(['natra_ingress', 'foreign']);
      expect(remove()).toMatchObject(ok);
      await expect.poll(order, { timeout: 10_000 }).toEqual(['foreign']);
      await nothingIsLeft();
    } finally {
      closeDescriptor(link);
      closeDescriptor(final);
    }
  });

  test('a qdisc and a filter of somebody else survive', async () => {
    run(`tc qdisc add dev ${pod.hostDevice} clsact`);
    run(`tc filter add dev ${pod.hostDevice} ingress prio 7 protocol ip u32 match u32 0 0 flowid 1:1`);
    before = snapshot(pod, node);
    expect(make(add({ attachMode: 'clsact' }), node)).toMatchObject(ok);
    expect(remove()).toMatchObject(ok);
    await nothingIsLeft();
  });
});

test.each([
  ['and has its own peer on the host', (index: number) => `nvu${index}`],
  [
    "and whose peer, in the third one, has the number of the Pod's end",
    (index: number) => `pod index ${index + 1} netns ${pod.netns}-t`,
  ],
])(
  "a device on the host that has the number of the peer's in a third namespace %s is left alone",
  async (_, peer) => {
    const third = `${pod.netns}-t`;
    const index = 1_000_000 + 2 * process.pid;
    const host = `nvt${process.pid}`;
    run(`ip netns add ${third}`);
    try {
      run(`ip link add ${host} index ${index} type veth peer name ${peer(index)}`);
      run(
        `ip -n ${third} link add peer index ${index} type veth peer name net1 index ${index + 1} netns ${pod.netns}`,
      );
      const { env, stdin } = forPod(captured('cnitool1.3-cni1.1-ADD'), pod);
      const inThird = { env: { ...env, CNI_IFNAME: 'net1' }, stdin };
      expect(make(inThird, node)).toMatchObject(ok);
      expect((await statusOf(node, 0)).limits.map(({ side, device }) => ({ side, device }))).toEqual([
        { side: 'pod', device: 'net1' },
        { side: 'pod', device: 'net1' },
      ]);
      expect(make({ ...inThird, env: { ...inThird.env, CNI_COMMAND: 'DEL' } }, node)).toMatchObject(ok);
      await nothingIsLeft();
    } finally {
      run(`ip link del ${host}`);
      run(`ip netns del ${third}`);
    }
  },
);

test("where both ends have one number, natra's clsact goes from the Pod's end and somebody else's stays on the host's", () => {
  const index = 1_000_000 + process.pid;
  const host = `nvs${process.pid}`;
  run(`ip link add ${host} index ${index} type veth peer name net1 index ${index} netns ${pod.netns}`);
  try {
    run(`tc qdisc add dev ${host} clsact`);
    const options = { attachMode: 'clsact', edtPacing: 'off' };
    const { env, stdin } = withKeys(forPod(captured('cnitool1.3-cni1.1-ADD'), pod), options);
    const call = (verb: string) =>
      make({ env: { ...env, CNI_COMMAND: verb, CNI_IFNAME: 'net1' }, stdin }, node);
    const hasClsact = (): boolean[] =>
      [`-n ${pod.netns} qdisc show dev net1`, `qdisc show dev ${host}`].map((words) =>
        run(`tc ${words}`).includes('clsact'),
      );
    expect(call('ADD')).toMatchObject(ok);
    expect(hasClsact()).toEqual([true, true]);
    expect(call('DEL')).toMatchObject(ok);
    expect(hasClsact()).toEqual([false, true]);
  } finally {
    run(`ip link del ${host}`);
  }
});
