/** `natra doctor`: what this kernel and node can do, what natra would choose, and why. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { version } from '../../package.json';
import type { Variables } from '../config/environment.ts';
import { parseOptions } from '../config/options.ts';
import type { Console } from '../console.ts';
import { describe } from '../errors.ts';
import type { Node } from '../node.ts';
import { aligned, quantity } from '../status/format.ts';
import { chainOf, type Folders } from './chain.ts';
import { type Choice, choices, RATE } from './choice.ts';
import { type Finding, GROUPS, type Group } from './finding.ts';
import { kernelFindings, probeAll } from './kernel.ts';
import { otherFindings } from './others.ts';
import { placeFindings } from './place.ts';
import { rightsFindings } from './rights.ts';

export const DOCTOR_OPTIONS = {
  json: { type: 'boolean', default: false },
  'cni-bin-dir': { type: 'string', default: '/opt/cni/bin' },
  'conf-dir': { type: 'string', default: '/etc/cni/net.d' },
} as const;

export interface Examination {
  readonly natra: string;
  readonly kernel: string;
  readonly machine: string;
  readonly findings: Readonly<Record<Group, readonly Finding[]>>;
  readonly choices: readonly Choice[];
  /** Whether a Pod's limits can be put into force here. */
  readonly healthy: boolean;
}

/** The exit status: 1 where something is missing that natra can't do without. */
export function doctorCommand(argv: string[], node: Node, console: Console): number {
  const { values } = parseArgs({ args: argv, options: DOCTOR_OPTIONS });
  const folders = { binDirectory: values['cni-bin-dir'], confDirectory: values['conf-dir'] };
  const examination = examine(node, folders, process.env);
  console.out(
    values.json ? `${JSON.stringify(examination, undefined, 2)}\n` : report(examination, console.isTerminal),
  );
  return examination.healthy ? 0 : 1;
}

/** Makes and removes what it tries; changes nothing on the node. */
export function examine(node: Node, folders: Folders, variables: Variables): Examination {
  const states = probeAll();
  const chain = chainOf(folders);
  const findings: Record<Group, Finding[]> = {
    kernel: kernelFindings(states),
    rights: rightsFindings(),
    node: placeFindings(node),
    cni: [...chain.findings],
    others: attempt('devices', otherFindings),
  };
  let chosen: Choice[] = [];
  findings.cni.push(
    ...attempt('options', () => {
      chosen = choices(states, parseOptions(chain.entry ?? {}, variables), node);
      return [];
    }),
  );
  const isMissing = Object.values(findings).some((group) =>
    group.some(({ verdict }) => verdict === 'missing'),
  );
  const healthy = !isMissing && chosen.every(({ placement }) => placement !== undefined);
  const [kernel, machine] = [readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim(), process.arch];
  return { natra: version, kernel, machine, findings, choices: chosen, healthy };
}

function attempt(subject: string, find: () => Finding[]): Finding[] {
  try {
    return find();
  } catch (error) {
    return [{ subject, verdict: 'missing', words: describe(error) }];
  }
}

const TITLES: Readonly<Record<Group, string>> = {
  kernel: 'kernel',
  rights: 'rights',
  node: 'files',
  cni: 'CNI',
  others: 'programs and qdiscs of others',
};

const BOLD = '\x1b[1m';
const RED = '\x1b[31m';
const PLAIN = '\x1b[0m';

export function report(examination: Examination, isTerminal: boolean): string {
  const { natra, kernel, machine, findings, healthy } = examination;
  const strong = (text: string): string => (isTerminal ? BOLD + text + PLAIN : text);
  const all = GROUPS.flatMap((group) => findings[group]);
  const width = Math.max(...all.map(({ subject }) => subject.length));
  const lines = GROUPS.flatMap((group) => [
    strong(TITLES[group]),
    ...aligned(
      findings[group].map(({ subject, verdict, words }) => [
        `  ${verdict.padEnd(7)}`,
        subject.padEnd(width),
        words,
      ]),
      3,
    ).map((line) => (isTerminal && line.startsWith('  missing') ? RED + line + PLAIN : line)),
    '',
  ]);
  const end = healthy
    ? "Pods' limits can be put into force here"
    : 'Pods would get no limits here: see what is missing above';
  return `${[
    `natra ${natra} on linux ${kernel}, ${machine}`,
    '',
    ...lines,
    strong(`for a Pod with a veth pair and ${quantity(RATE, 'bit/s')} natra would choose`),
    ...examination.choices.flatMap(chosen),
    '',
    end,
  ].join('\n')}\n`;
}

const HOLDS = { edt: 'departure times', queue: 'an htb class', police: 'marks and drops' } as const;

function chosen({ direction, placement, attachMode, reason, notes, refusal }: Choice): string[] {
  const title = `  ${direction.padEnd(7)}  `;
  if (placement === undefined) return [`${title}nothing: ${refusal}`];
  const { side, hook, pacing } = placement;
  return [
    `${title}${HOLDS[pacing]}, by ${attachMode} at the ${hook} hook of the ${side} end: ${reason}`,
    ...notes.map((note) => `           ${note}`),
  ];
}
