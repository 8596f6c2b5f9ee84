/** What one TCP stream over a veth pair reaches with a program that never limits it, beside none, in turns. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ObjectImage } from '../../dsl/object/image.ts';
import type { Template } from '../../dsl/object/specialise/template.ts';
import { attach, detach } from '../../loader/attach/index.ts';
import { inNetns } from '../../loader/netns/netns.ts';
import { loadProgram } from '../../loader/object/load.ts';
import { executeOrThrow } from '../live/command.ts';
import { createNamespace, inNamespace, type Namespace, removeNamespace } from '../live/namespace.ts';
import { median } from '../measure.ts';
import { ROWS, settingsOf } from './rows.ts';

/** Each four streams of a second: without, with, with and without, so that what drifts evenly falls out. */
const ROUNDS = 8;
const SENDER = '10.99.0.1';
const RECEIVER = '10.99.0.2';

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

export interface Throughput {
  /** Median bit/s received. */
  readonly without: number;
  readonly natra: number;
  /** Median of the rounds' own ratios. */
  readonly ratio: number;
  /** What half of the rounds' ratios lie between. */
  readonly middle: readonly [number, number];
}

async function stream(sender: Namespace): Promise<number> {
  const [file, args] = inNamespace(sender, 'iperf3', ['-c', RECEIVER, '-t', '1', '-J']);
  const { end } = JSON.parse(await executeOrThrow(file, args)) as {
    readonly end: { readonly sum_received: { readonly bits_per_second: number } };
  };
  return end.sum_received.bits_per_second;
}

interface Round {
  readonly without: number;
  readonly natra: number;
}

/** With natra's program where the sender's packets leave; GSO as it is, both as the kernel runs them. */
async function streamWith(program: { readonly fd: number }, sender: Namespace): Promise<number> {
  const name = `natra-bench-${process.pid}`;
  const attachment = inNetns(sender.path, () =>
    attach({ mode: 'clsact', ifindex: 2, direction: 'egress', program, pinPath: '', filterName: name }),
  );
  try {
    return await stream(sender);
  } finally {
    inNetns(sender.path, () => detach(attachment));
  }
}

async function round(sender: Namespace, program: { readonly fd: number }): Promise<Round> {
  const before = await stream(sender);
  const natra = [await streamWith(program, sender), await streamWith(program, sender)];
  const after = await stream(sender);
  return { without: mean([before, after]), natra: mean(natra) };
}

/** Needs root and iperf3. */
export async function measureThroughput(
  natra: ObjectImage,
  templates: readonly Template[],
): Promise<Throughput> {
  const [row] = ROWS;
  if (row === undefined) throw new Error('bench: there are no rows');
  const [sender, receiver] = [await createNamespace('sender'), await createNamespace('receiver')];
  const program = loadProgram(natra, 'limit', { settings: settingsOf(row, natra), templates });
  const [file, args] = inNamespace(receiver, 'iperf3', ['-s', '--forceflush']);
  try {
    const pair = ['index', '2', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', receiver.name];
    await executeOrThrow('ip', ['-n', sender.name, 'link', 'add', 'eth0', ...pair]);
    for (const [{ name }, address] of [
      [sender, SENDER],
      [receiver, RECEIVER],
    ] as const) {
      await executeOrThrow('ip', ['-n', name, 'address', 'add', `${address}/24`, 'dev', 'eth0']);
      await executeOrThrow('ip', ['-n', name, 'link', 'set', 'eth0', 'up']);
    }
    const server = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      await once(server.stdout, 'data');
      await stream(sender);
      const rounds: Round[] = [];
      for (let at = 0; at < ROUNDS; at++) rounds.push(await round(sender, program));
      const ratios = rounds.map(({ natra, without }) => natra / without).sort((a, b) => a - b);
      const quarter = ratios.length >> 2;
      return {
        without: median(rounds.map(({ without }) => without)),
        natra: median(rounds.map((each) => each.natra)),
        ratio: median(ratios),
        middle: [ratios[quarter] ?? Number.NaN, ratios[ratios.length - 1 - quarter] ?? Number.NaN],
      };
    } finally {
      server.kill();
      await once(server, 'exit');
    }
  } finally {
    program.close();
    for (const { name } of [sender, receiver]) await removeNamespace(name);
  }
}
