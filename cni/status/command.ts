/** `natra status`. */
import { parseArgs } from 'node:util';
import { DIRECTIONS } from '../config/bandwidth.ts';
import type { Console } from '../console.ts';
import type { Node } from '../node.ts';
import { printable } from '../printable.ts';
import { VERDICTS } from '../verdicts.ts';
import { delayQuantile } from './delays.ts';
import { aligned, duration, percentage, quantity } from './format.ts';
import { type LimitStatus, type NodeStatus, statusOf, type UnlimitedStatus } from './node-status.ts';
import { flowEnds, podName, toldApart } from './words.ts';

export const STATUS_OPTIONS = { json: { type: 'boolean', default: false } } as const;

/** Between the two readings that the rates come from. */
const APART_MILLISECONDS = 500;

const BOLD = '\x1b[1m';
const PLAIN = '\x1b[22m';

export async function statusCommand(argv: string[], node: Node, console: Console): Promise<void> {
  const { values } = parseArgs({ args: argv, options: STATUS_OPTIONS });
  const status = await statusOf(node, APART_MILLISECONDS);
  console.out(values.json ? json(status) : table(status, console.isTerminal));
}

/** Packets and bytes are counted in 64 bits; every program that reads JSON takes 53 of them. */
function json(status: NodeStatus): string {
  const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);
  return `${JSON.stringify(status, plain, 2)}\n`;
}

const HEADINGS = [
  'POD',
  'INTERFACE',
  'DIRECTION',
  'ATTACHED',
  'PACING',
  'CAP',
  'BURST',
  'RATE',
  ...VERDICTS.map(({ name }) => name.toUpperCase()),
  'FALSE-HEAVY',
];
/** The columns from CAP on are numbers. */
const NUMBERS_FROM = HEADINGS.indexOf('CAP');

/** The table, then why each limit is paced so, then whatever is not as it should be. */
export function table({ notes, ...status }: NodeStatus, isTerminal: boolean): string {
  const headings: string[] = [];
  const lines: string[] = [];
  const all = [...status.limits, ...status.unlimited];
  const [limits, unlimited] = [toldApart(status.limits, all), toldApart(status.unlimited, all)];
  if (limits.length === 0) lines.push('no Pod is limited on this node');
  else {
    const [first = '', ...rows] = aligned([HEADINGS, ...limits.map(row)], NUMBERS_FROM);
    headings.push(isTerminal ? BOLD + first + PLAIN : first);
    lines.push(...rows, '');
    lines.push(...limits.map((limit) => `${title(limit)}: ${limit.reason}`));
    for (const limit of limits) lines.push(...waits(limit), ...heaviest(limit));
    for (const limit of limits)
      for (const fault of limit.faults) lines.push(`not in force: ${title(limit)}: ${fault}`);
    for (const limit of limits) lines.push(...ofOthers(limit));
    for (const limit of limits)
      if (limit.unseen !== undefined)
        lines.push(`perhaps not in force: ${title(limit)}: ${limit.unseen}; root can tell`);
  }
  for (const each of unlimited)
    lines.push(
      `${verdict(each)}: ${podName(each)} ${each.interface}: ${wishes(each)}; the ADD at ${each.at} failed: ${firstLine(each.error)}`,
    );
  lines.push(...notes.map((note) => `note: ${note}`));
  return `${[...headings, ...lines.map(printable)].join('\n')}\n`;
}

function ofOthers(limit: LimitStatus): string[] {
  const { earlier = [], device, hook } = limit;
  if (earlier.length === 0) return [];
  const met = `at ${device} ${hook} packets meet ${earlier.join(', then ')} before natra`;
  return [
    `perhaps not limited: ${title(limit)}: ${met}; what is passed or redirected for good there has no limit`,
  ];
}

const verdict = ({ goesOn = [] }: UnlimitedStatus): string =>
  goesOn.length === 0 ? 'NOT LIMITED' : `LIMITED AS BEFORE (${goesOn.join(' and ')})`;

function row(limit: LimitStatus): string[] {
  const { verdicts, sketch, rateBitsPerSecond } = limit;
  return [
    podName(limit),
    limit.interface,
    limit.direction,
    `${limit.attachMode} ${limit.device} ${limit.hook}`,
    limit.pacing,
    quantity(limit.capBitsPerSecond, 'bit/s'),
    quantity(limit.burstBytes, 'B'),
    rateBitsPerSecond === undefined ? '-' : quantity(rateBitsPerSecond, 'bit/s'),
    ...VERDICTS.map((verdict) => (verdicts ? quantity(Number(verdicts[verdict.name].packets)) : '-')),
    sketch ? percentage(sketch.falseHeavy) : '-',
  ];
}

/** How long packets had to wait since the Pod started. */
function waits(limit: LimitStatus): string[] {
  const [half, most] = [delayQuantile(limit.delays, 0.5), delayQuantile(limit.delays, 0.99)];
  if (half === undefined || most === undefined) return [];
  const packets = limit.delays.reduce((sum, each) => sum + each.packets, 0);
  return [
    `${title(limit)}: ${quantity(packets)} packets had to wait, half of them less than ${duration(half)}, 99% less than ${duration(most)}`,
  ];
}

const FLOWS_SHOWN = 8;

/** The flows that take most of the cap now. */
function heaviest(limit: LimitStatus): string[] {
  if (limit.flows.length === 0) return [];
  const rows = limit.flows
    .slice(0, FLOWS_SHOWN)
    .map((flow) => [
      `  ${flow.protocol}`,
      flowEnds(flow),
      quantity(flow.bitsPerSecond, 'bit/s'),
      quantity(flow.bytes, 'B'),
    ]);
  const more = limit.flows.length - rows.length;
  return [
    `${title(limit)}: the heaviest flows, their rate now and their bytes so far:`,
    ...aligned(rows, 2),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}

/** A verifier's refusal goes on over several; `--json` has them all. */
const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';

const wishes = ({ wanted }: UnlimitedStatus): string =>
  DIRECTIONS.flatMap((direction) => {
    const limit = wanted[direction];
    return limit === undefined ? [] : [`${direction} ${quantity(limit.rateBitsPerSecond, 'bit/s')}`];
  }).join(', ');

const title = (limit: LimitStatus): string => `${podName(limit)} ${limit.interface} ${limit.direction}`;
