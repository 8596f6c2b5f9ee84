/** `natra trace PROGRAM.ts --pcap FILE`: packet by packet each line taken, with its values. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { type ExitStatus, type Output, UsageError } from '../../../dsl/cli/output.ts';
import { reportOf } from '../../../dsl/cli/report.ts';
import { compile } from '../../../dsl/compiler/index.ts';
import type { ModuleTree, ProgramTree } from '../../../dsl/compiler/tree/tree.ts';
import type { ProgramKind } from '../../../dsl/object/image.ts';
import { readFrames } from '../key/capture-file.ts';
import { SETTINGS_OPTIONS, settingsContents } from '../settings.ts';
import type { Event, TraceStep } from './recorder.ts';
import { type PacketTrace, tracePackets } from './trace.ts';

const OPTIONS = {
  ...SETTINGS_OPTIONS,
  pcap: { type: 'string' },
  program: { type: 'string' },
  packet: { type: 'string', multiple: true },
  json: { type: 'boolean' },
} as const satisfies ParseArgsConfig['options'];

const XDP_VERDICTS = ['XDP_ABORTED', 'XDP_DROP', 'XDP_PASS', 'XDP_TX', 'XDP_REDIRECT'];
const CGROUP_VERDICTS = ['CGROUP_DROP', 'CGROUP_PASS'];

/** What the language calls results (include/uapi/linux/pkt_cls.h and bpf.h), which are signed here. */
const VERDICTS: Readonly<Record<ProgramKind, Readonly<Record<number, string>>>> = {
  classifier: { [-1]: 'TC_ACT_UNSPEC', 0: 'TC_ACT_OK', 2: 'TC_ACT_SHOT' },
  xdp: XDP_VERDICTS,
  xdpDevmap: XDP_VERDICTS,
  socketFilter: { [-1]: 'KEEP_ALL' },
  cgroupSkbIngress: CGROUP_VERDICTS,
  cgroupSkbEgress: CGROUP_VERDICTS,
};

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function parsed(argv: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
    const [file, ...others] = positionals;
    if (file === undefined || others.length > 0) throw new Error('name one program file');
    if (values.pcap === undefined) throw new Error('name a capture: --pcap FILE');
    return { ...values, file, pcap: values.pcap };
  } catch (error) {
    throw new UsageError(`trace: ${reasonOf(error)}`);
  }
}

/** The numbers that `--packet 3` or `--packet 3-7` name; undefined: all. */
function wanted(given: readonly string[] | undefined): ((number: number) => boolean) | undefined {
  if (given === undefined) return undefined;
  const ranges = given.map((text) => {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
    if (first === undefined)
      throw new UsageError(`--packet ${text}: it must be a packet's number or a range, as in 3-7`);
    if (Number(first) > Number(last))
      throw new UsageError(`--packet ${text}: the range ends before it begins`);
    return [Number(first), Number(last)] as const;
  });
  return (number) => ranges.some(([first, last]) => number >= first && number <= last);
}

function programOf({ programs }: ModuleTree, name: string | undefined): ProgramTree {
  const [only, ...others] = programs;
  const known = programs.map((program) => program.name).join(', ');
  if (only === undefined) throw new UsageError('trace: the file has no program');
  if (name === undefined && others.length > 0)
    throw new UsageError(`trace: name one of its programs with --program: ${known}`);
  const found = programs.find((program) => name === undefined || program.name === name);
  if (!found) throw new UsageError(`--program ${name}: no program is named so; there are ${known}`);
  return found;
}

const eventText = (event: Event): string => {
  if (event.kind === 'branch') return `${event.condition} is ${event.way}`;
  return event.name === 'return' ? `return ${event.value}` : `${event.name} = ${event.value}`;
};

function stepText({ file, line, text, events }: TraceStep, before: string | undefined): string {
  const heading = file === before ? '' : `  ${file}\n`;
  const told = events.length === 0 ? '' : `    // ${events.map(eventText).join('; ')}`;
  return `${heading}  ${String(line).padStart(5)}  ${text}${told}\n`;
}

/** Seconds with nanoseconds. */
const seconds = (time: bigint): string =>
  `${time / 1_000_000_000n}.${(time % 1_000_000_000n).toString().padStart(9, '0')}`;

function verdictText({ verdict, failure }: PacketTrace, kind: ProgramKind): string {
  if (verdict === undefined) return `stopped: ${failure}`;
  const name = VERDICTS[kind][verdict];
  const number = kind === 'classifier' ? verdict : verdict >>> 0;
  return name === undefined ? `${number}` : `${name} (${number})`;
}

function textOf(trace: PacketTrace, { name, kind }: ProgramTree): string {
  const { number, length, now, steps, changes } = trace;
  const lines = steps.map((step, index) => stepText(step, steps[index - 1]?.file));
  const changed = changes.map(({ what, before, after }) => `  ${what}: ${before} -> ${after}\n`);
  return [
    `packet ${number}, ${length} bytes, at ${seconds(now)}: ${name}\n`,
    ...lines,
    `  verdict: ${verdictText(trace, kind)}\n`,
    ...changed,
    '\n',
  ].join('');
}

const bigintAsText = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value;

/** 0; 1 where the program has errors or could not run on to its end on a packet, or the capture can't be read to its end. */
export function traceCommand(argv: readonly string[], output: Output): ExitStatus {
  const options = parsed(argv);
  const isWanted = wanted(options.packet);
  const { packets, problem } = readFrames(options.pcap);
  if (!options.json && isWanted && !packets.some((_, index) => isWanted(index + 1)))
    throw new UsageError(
      `--packet ${options.packet?.join(' ')}: the capture has packets 1 to ${packets.length}`,
    );
  const { tree, diagnostics } = compile(options.file);
  if (tree === undefined) {
    output.out(reportOf(diagnostics));
    return 1;
  }
  const program = programOf(tree, options.program);
  const rodata = settingsContents(tree.sections, options);
  let failed = false;
  let printed = 0;
  for (const trace of tracePackets(tree, program, packets, rodata)) {
    failed ||= trace.failure !== undefined;
    if (isWanted && !isWanted(trace.number)) continue;
    if (options.json) output.out(`${printed === 0 ? '[' : ','}\n${JSON.stringify(trace, bigintAsText)}`);
    else output.out(textOf(trace, program));
    printed += 1;
  }
  if (options.json) output.out(printed === 0 ? '[]\n' : '\n]\n');
  if (problem !== undefined) output.error(`natra: read ${options.pcap}: ${problem}\n`);
  return failed || problem !== undefined ? 1 : 0;
}
