/** `natra status` of Pods that are limited for real. */
import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readElf } from '../../dsl/object/elf/read.ts';
import type { ArrayLayout, StructLayout } from '../../dsl/object/layout.ts';
import {
  attach,
  detach,
  listPins,
  loadProgram,
  openPins,
  removeDirectory,
  removeFile,
  setSyscallHook,
} from '../../loader/index.ts';
import { countingObject } from '../../loader/testing/assembly.ts';
import { thisNode } from '../node.ts';
import { buildExecutable } from '../testing/build.ts';
import { captured, forPod, make } from '../testing/calls.ts';
import { programPin } from '../testing/pins.ts';
import { makePod, type TestPod } from '../testing/pod.ts';
import { run } from '../testing/shell.ts';
import { table } from './command.ts';
import { metrics } from './metrics.ts';
import { statusOf } from './node-status.ts';
import { ROWS } from './sketch.ts';

const root = join(import.meta.dirname, '..', '..');
const executable = join(root, 'dist', 'natra');

let pod: TestPod;
let directories: { NATRA_STATE_DIR: string; NATRA_PIN_DIR: string };
let subnet: string;

beforeAll(buildExecutable);
beforeEach(() => {
  pod = makePod();
  directories = {
    NATRA_STATE_DIR: join(mkdtempSync(join(tmpdir(), 'natra-status-')), 'state'),
    NATRA_PIN_DIR: `/sys/fs/bpf/natra-status-${process.pid}`,
  };
  subnet = `10.${200 + (process.pid % 50)}.${(process.pid >> 6) & 0xff}`;
  run(`ip addr add ${subnet}.1/24 dev ${pod.bridge}`);
  run(`ip -n ${pod.netns} addr add ${subnet}.2/24 dev ${pod.ifname}`);
});
afterEach(() => {
  make(forPod(captured('ctrd1.7-DEL1'), pod), node());
  pod.destroy();
  rmSync(join(directories.NATRA_STATE_DIR, '..'), { recursive: true });
  removeDirectory(directories.NATRA_PIN_DIR);
});

const node = () => thisNode(directories);
const add = () =>
  expect(make(forPod(captured('ctrd1.7-ADD-full'), pod), node())).toMatchObject({ exitCode: 0 });

/** Sends some 50 datagrams a second to the Pod, which answers the first ones with ICMP errors, while `body` runs. */
async function withTraffic<T>(body: () => Promise<T>): Promise<T> {
  const socket = createSocket('udp4').on('error', () => {});
  const timer = setInterval(() => socket.send(new Uint8Array(1000), 9, `${subnet}.2`), 20);
  try {
    await new Promise((resolve) => setTimeout(resolve, 500));
    return await body();
  } finally {
    clearInterval(timer);
    socket.close();
  }
}

describe('a Pod limited in both directions', () => {
  beforeEach(() => void add());

  test('is shown with what its programs count, and a rate', async () => {
    const { limits, notes } = await withTraffic(() => statusOf(node(), 500));
    expect(notes).toEqual([]);
    expect(limits.map(({ direction }) => direction)).toEqual(['ingress', 'egress']);
    for (const limit of limits) {
      const { K8S_POD_NAMESPACE, K8S_POD_NAME } = Object.fromEntries(
        (captured('ctrd1.7-ADD-full').env.CNI_ARGS ?? '').split(';').map((pair) => pair.split('=')),
      );
      expect(limit).toMatchObject({
        namespace: K8S_POD_NAMESPACE,
        pod: K8S_POD_NAME,
        interface: pod.ifname,
        attachMode: expect.stringMatching(/^(tcx|clsact)$/),
        faults: [],
        reason: expect.stringMatching(/fq|htb|polic/),
      });
      expect([pod.hostDevice, pod.ifname]).toContain(limit.device);
      expect(limit.verdicts?.mouse.packets).toBeGreaterThan(0n);
      expect(limit.sketch).toEqual({ heavyShares: [0, 0, 0, 0], falseHeavy: 0 });
    }
    expect(limits[0]?.capBitsPerSecond).toBe(10_000_000);
    // 50 packets a second of 1042 bytes: 400 kbit/s; a busy machine sends fewer.
    expect(limits[0]?.rateBitsPerSecond).toBeGreaterThan(20_000);
    expect(limits[0]?.rateBitsPerSecond).toBeLessThan(1_000_000);
  });

  test('shows how full its sketch is', async () => {
    const [place] = listPins(directories.NATRA_PIN_DIR);
    const pins = openPins({ root: directories.NATRA_PIN_DIR, key: place!.key, label: 'ingress' });
    const state = pins!.sections['.bss']!;
    const contents = state.lookup(new Uint8Array(4))!;
    const section = readElf(node().objectFile('5.12')).sections.find(({ name }) => name === '.bss')!;
    const variable = section.variables.find(({ name }) => name === 'state')!;
    const field = (variable.layout as StructLayout).fields.find(({ name }) => name === 'cells')!;
    const { length } = field.layout as ArrayLayout;
    const cells = new BigUint64Array(contents.buffer, variable.offset + field.offset, length);
    // In row n every 2^n-th cell, an hour beyond any heavy level.
    const far = process.hrtime.bigint() + 3_600_000_000_000n;
    cells.forEach((_, at) => {
      if (at % 2 ** Math.floor((at * ROWS) / length) === 0) cells[at] = far;
    });
    state.update(new Uint8Array(4), contents);
    pins!.close();
    const { limits } = await statusOf(node(), 10);
    expect(limits[0]?.sketch).toEqual({ heavyShares: [1, 0.5, 0.25, 0.125], falseHeavy: 1 / 64 });
    expect(limits[1]?.sketch?.falseHeavy).toBe(0);
  });

  test.each([
    ["the program's pin is missing", programPin],
    ["the counters' pin is missing", (directory: string) => `${directory}/map-counters`],
    ["the state's pin is missing", (directory: string) => `${directory}/section-_2ebss`],
  ])('that lost a pin is told of: %s', async (words, pinIn) => {
    const [place] = listPins(directories.NATRA_PIN_DIR);
    expect(removeFile(pinIn(`${directories.NATRA_PIN_DIR}/${place!.key}/egress`))).toBe(true);
    const status = await statusOf(node(), 10);
    expect(status.limits.map(({ faults }) => faults)).toEqual([[], [words]]);
    expect(table(status, false)).toContain(`${pod.ifname} egress: ${words}`);
  });

  test('that ends while it is read is not told of, and one that starts is not taken for pins without a record', async () => {
    const reading = statusOf(node(), 50);
    const other = forPod(captured('cnitool1.3-cni1.1-ADD'), pod);
    expect(make(other, node())).toMatchObject({ exitCode: 0 });
    expect(make(forPod(captured('ctrd1.7-DEL1'), pod), node())).toMatchObject({ exitCode: 0 });
    try {
      expect(await reading).toEqual({ limits: [], unlimited: [], notes: [] });
    } finally {
      make(forPod(captured('cnitool1.3-cni1.1-DEL'), pod), node());
    }
  });

  test('on which another call is at work is told of when that has come to its end', async () => {
    const [file = ''] = readdirSync(directories.NATRA_STATE_DIR).filter((name) => name.endsWith('.json'));
    const path = join(directories.NATRA_STATE_DIR, file);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, JSON.stringify({ ...JSON.parse(text), phase: 'attaching' }));
    const faults = async () => (await statusOf(node(), 0)).limits.map((limit) => limit.faults);
    const cutOff = ['the last ADD did not come to its end'];
    expect(await faults()).toEqual([cutOff, cutOff]);
    setSyscallHook((name) => {
      if (name !== 'flock') return undefined;
      setSyscallHook(undefined);
      writeFileSync(path, text);
      return -constants.errno.EAGAIN;
    });
    try {
      expect(await faults()).toEqual([[], []]);
    } finally {
      setSyscallHook(undefined);
    }
  });

  test('whose packets meet a program of somebody else first is told of, which is no fault', async () => {
    const [ingress, egress] = (await statusOf(node(), 10)).limits;
    expect([ingress?.earlier, egress?.earlier]).toEqual([[], []]);
    const program = loadProgram(countingObject(1, 'foreign'), 'foreign');
    const foreign = attach({
      ifindex: Number(readFileSync(`/sys/class/net/${pod.hostDevice}/ifindex`, 'utf8')),
      direction: ingress!.hook,
      mode: 'tcx',
      placement: { side: 'before' },
      program,
      pinPath: `${directories.NATRA_PIN_DIR}-foreign`,
      filterName: 'foreign',
    });
    try {
      const status = await statusOf(node(), 10);
      expect(status.limits.map(({ faults, earlier }) => ({ faults, earlier }))).toEqual([
        { faults: [], earlier: ['foreign by tcx'] },
        { faults: [], earlier: [] },
      ]);
      expect(table(status, false)).toContain(
        `eth0 ingress: at ${pod.hostDevice} egress packets meet foreign by tcx before natra; what`,
      );
      const sample = /natra_earlier_programs{.*direction="(.*)"} (\d+)/g;
      const samples = (await metrics(status)).matchAll(sample);
      expect([...samples].map(([, ...sampled]) => sampled)).toEqual([
        ['ingress', '1'],
        ['egress', '0'],
      ]);
      const check = captured('ctrd1.7-ADD-full');
      expect(make(forPod({ ...check, env: { ...check.env, CNI_COMMAND: 'CHECK' } }, pod), node())).toEqual({
        stdout: '',
        exitCode: 0,
      });
    } finally {
      detach(foreign);
      program.close();
    }
  });

  test('whose record is gone is noted', async () => {
    rmSync(directories.NATRA_STATE_DIR, { recursive: true });
    const { limits, notes } = await statusOf(node(), 10);
    expect(limits).toEqual([]);
    expect(notes).toEqual([expect.stringMatching(/is pinned without a record/)]);
  });

  const started = (...argv: string[]) => {
    const env = { PATH: process.env.PATH ?? '', ...directories };
    return spawnSync(executable, argv, { encoding: 'utf8', env });
  };

  test('the executable prints metrics for Prometheus', async () => {
    const { status, stdout, stderr } = await withTraffic(async () => started('metrics'));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const mice = (direction: string): number =>
      Number(
        new RegExp(`natra_packets_total{.*direction="${direction}",verdict="mouse"} (.*)`).exec(stdout)?.[1],
      );
    expect(mice('ingress')).toBeGreaterThan(0);
    expect(mice('egress')).toBeGreaterThan(0);
    expect(stdout.match(/natra_in_force{.*} 1/g)).toHaveLength(2);
  });

  test('the executable serves metrics to a scraper until it is told to end', async () => {
    const child = spawn(executable, ['metrics', '--listen=127.0.0.1:0'], {
      env: { PATH: process.env.PATH ?? '', ...directories },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    try {
      const [url = ''] = (await once(child.stdout.setEncoding('utf8'), 'data')) as string[];
      const scrape = async (): Promise<number> => {
        const response = await fetch(url.trim());
        expect(response.status).toBe(200);
        const sample = /natra_packets_total{.*direction="ingress",verdict="mouse"} (.*)/;
        return Number(sample.exec(await response.text())?.[1]);
      };
      const [first, later] = await withTraffic(async () => {
        const before = await scrape();
        await new Promise((resolve) => setTimeout(resolve, 200));
        return [before, await scrape()];
      });
      expect(first).toBeGreaterThan(0);
      expect(later).toBeGreaterThan(first!);
      expect(await (await fetch(new URL('/healthz', url))).text()).toBe('ok\n');
    } finally {
      child.kill('SIGTERM');
    }
    expect(await ended).toEqual([0, null]);
  });

  test('top draws Pods on a terminal until q comes, and leaves the terminal as it was', () => {
    // Keys that come before it listens wait in the terminal.
    const line = `${executable} top --interval 0.2`;
    const { status, stdout } = spawnSync('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH ?? '', TERM: 'xterm', ...directories },
      input: 'fq',
      timeout: 20_000,
    });
    expect(status).toBe(0);
    expect(stdout).toContain('\x1b[?1049h\x1b[?25l');
    expect(stdout).toContain('f hide flows');
    expect(stdout.trimEnd().endsWith('\x1b[?25h\x1b[?1049l')).toBe(true);
  });

  test('top prints one picture where its output is no terminal', () => {
    const { status, stdout, stderr } = started('top', '--interval=0.2');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [headings, ...lines] = stdout.trimEnd().split('\n');
    expect(headings).toMatch(/^POD +INTERFACE +DIRECTION +CAP +RATE +OF CAP/);
    expect(lines.map((text) => /\b(?:in|e)gress\b/.exec(text)?.[0]).sort()).toEqual(['egress', 'ingress']);
    // What had to wait and what was dropped a second is told, too, and the share of one time.
    for (const text of lines) expect(text).toMatch(/ \d+% +[\d.]+k? +[\d.]+k? {2,}\S? {15}\|$/);
  });

  test('the executable prints a table for people and JSON for programs', () => {
    const { status, stdout, stderr } = started('status');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [headings = '', ingress = '', egress = ''] = stdout.split('\n');
    expect(headings).toMatch(
      /^POD +INTERFACE +DIRECTION +ATTACHED +PACING +CAP +BURST +RATE +MOUSE .*FALSE-HEAVY$/,
    );
    const end = headings.indexOf('CAP') + 'CAP'.length;
    expect(ingress.slice(0, end)).toMatch(/ 10Mbit\/s$/);
    expect(egress).toMatch(/ egress /);
    const parsed = JSON.parse(started('status', '--json').stdout);
    expect(parsed.limits).toHaveLength(2);
    expect(parsed.limits[0]).toMatchObject({ direction: 'ingress', capBitsPerSecond: 10_000_000 });
    expect(parsed.limits[0].verdicts.mouse).toEqual({
      packets: expect.any(Number),
      bytes: expect.any(Number),
    });
  });

  test('a terminal gets its headings in bold, a file does not', async () => {
    const status = await statusOf(node(), 10);
    expect(table(status, true).startsWith('\x1b[1mPOD')).toBe(true);
    expect(table(status, false)).not.toContain('\x1b');
  });
});

test('a node without limited Pods says so', async () => {
  const status = await statusOf(node(), 10);
  expect(table(status, false)).toBe('no Pod is limited on this node\n');
});
