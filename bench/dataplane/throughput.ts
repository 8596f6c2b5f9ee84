/**
 * What one TCP stream over a veth pair reaches with a program that never limits it, beside none, in turns. The program comes and
 * goes while the stream runs: another stream starts at another pace, which differs by more than what is looked for.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { ObjectImage } from '../../dsl/object/image.ts';
import type { Template } from '../../dsl/object/specialise/template.ts';
import { attach, detach } from '../../loader/attach/index.ts';
import { inNetns } from '../../loader/netns/netns.ts';
import { loadProgram } from '../../loader/object/load.ts';
import { executeOrThrow } from '../live/command.ts';
import { createNamespace, inNamespace, type Namespace, removeNamespace } from '../live/namespace.ts';
import { median } from '../measure.ts';
import { ROWS, settingsOf } from './rows.ts';

/** Each four stretches of the stream: without, with, with and without, so that what drifts evenly falls out. */
const ROUNDS = 64;
/** ms */
const STRETCH = 100;
/** ms, for a stream to settle after a change. */
const SETTLED = 50;
/** ms, for a stream to start. */
const STARTED = 1_000;
const SENDER = '10.99.0.1';
const RECEIVER = '10.99.0.2';

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

export interface Throughput {
  /** Median bit/s sent, with all headers. */
  readonly without: number;
  readonly natra: number;
  /** Median of the rounds' own ratios. */
  readonly ratio: number;
  /** What half of the rounds' ratios lie between. */
  readonly middle: readonly [number, number];
}

/** Bytes that have left by the only device of a process's namespace. */
function bytesSent({ pid, exitCode }: ChildProcess): number {
  if (exitCode !== null) throw new Error(`bench: iperf3 ended with ${exitCode} in the midst of its stream`);
  const line = /^ *eth0:(.*)$/m.exec(readFileSync(`/proc/${pid}/net/dev`, 'utf8'));
  return Number(line?.[1]?.trim().split(/ +/)[8]);
}

/** Bit/s of the stream as it is now. */
async function paceOf(stream: ChildProcess): Promise<number> {
  await pause(SETTLED);
  const [start, before] = [performance.now(), bytesSent(stream)];
  await pause(STRETCH);
  const [end, after] = [performance.now(), bytesSent(stream)];
  return ((after - before) * 8_000) / (end - start);
}

interface Round {
  readonly without: number;
  readonly natra: number;
}

/** With natra's program where the sender's packets leave; GSO as it is, both as the kernel runs them. */
async function paceWith(
  program: { readonly fd: number },
  sender: Namespace,
  stream: ChildProcess,
): Promise<readonly number[]> {
  const name = `natra-bench-${process.pid}`;
  const attachment = inNetns(sender.path, () =>
    attach({ mode: 'clsact', ifindex: 2, direction: 'egress', program, pinPath: '', filterName: name }),
  );
  try {
    return [await paceOf(stream), await paceOf(stream)];
  } finally {
    inNetns(sender.path, () => detach(attachment));
  }
}

async function round(
  sender: Namespace,
  program: { readonly fd: number },
  stream: ChildProcess,
): Promise<Round> {
  const before = await paceOf(stream);
  const natra = await paceWith(program, sender, stream);
  const after = await paceOf(stream);
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
      const rounds: Round[] = [];
      const stream = spawn(...inNamespace(sender, 'iperf3', ['-c', RECEIVER, '-t', '0']), {
        stdio: 'ignore',
      });
      try {
        await pause(STARTED);
        for (let at = 0; at < ROUNDS; at++) rounds.push(await round(sender, program, stream));
      } finally {
        if (stream.exitCode === null && stream.kill()) await once(stream, 'exit');
      }
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
