/** `natra dev`: compiles programs when their sources are saved, tries them, and says what changed. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { type ExitStatus, type Output, UsageError } from '../../../dsl/cli/output.ts';
import { reportOf } from '../../../dsl/cli/report.ts';
import { type BackEnd, type Cpu, collectYoung } from '../../../dsl/compiler/index.ts';
import { SLOT_BYTES } from '../../../dsl/object/instruction.ts';
import { KernelError, kernelInstructionSet } from '../../../loader/index.ts';
import { SETTINGS_OPTIONS, settingsContents } from '../settings.ts';
import { type Compiled, Project } from './project.ts';
import { Rehearsals } from './rehearsals.ts';
import { TestRun, testsBeside } from './tests.ts';
import { type Figures, type Trial, tryProgram } from './trial.ts';
import { Watcher } from './watch.ts';

const OPTIONS = {
  ...SETTINGS_OPTIONS,
  cpu: { type: 'string' },
  once: { type: 'boolean' },
  'no-kernel': { type: 'boolean' },
  'no-tests': { type: 'boolean' },
} as const satisfies ParseArgsConfig['options'];

const DEFAULT = 'programs';
/** Beside the largest program that is made of a saved file the others are compiled. */
const THREADS = 2;
const CPUS = ['v1', 'v2', 'v3', 'v4'] as const satisfies readonly Cpu[];

const keyOf = (file: string, program: string): string => `${file} ${program}`;

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`dev: ${error instanceof Error ? error.message : String(error)}`);
  }
}

type Options = ReturnType<typeof parsed>['values'];

/** `812 (+3)`; the change only where there was something before. */
function withChange(value: number, before: number | undefined, digits = 0): string {
  const change = before === undefined ? 0 : value - before;
  const shown = change.toFixed(digits);
  const told = Number(shown) === 0 ? '' : ` (${change > 0 ? '+' : ''}${shown})`;
  return `${value.toFixed(digits)}${told}`;
}

function figuresText(now: Figures, before: Figures | undefined): string {
  const parts = [`${withChange(now.stepsPerPacket, before?.stepsPerPacket, 1)} instructions run a packet`];
  if (now.walked !== undefined)
    parts.push(`${withChange(now.walked, before?.walked)} walked by the verifier`);
  if (now.nanoseconds !== undefined) parts.push(`${withChange(now.nanoseconds, before?.nanoseconds)} ns`);
  return parts.join(', ');
}

class Session {
  /** Instruction slots of each program. */
  private readonly sizes = new Map<string, number>();
  private readonly figures = new Map<string, Figures>();
  private readonly tests: TestRun;

  constructor(
    private readonly project: Project,
    private readonly options: Options,
    private readonly output: Output,
  ) {
    this.tests = new TestRun(output.out);
  }

  /** One turn: compile what is affected, tell of it at once, then try it. Whether all of it went well. */
  async turn(changed?: ReadonlySet<string>): Promise<boolean> {
    const compiled = await this.project.compile(changed, (one) => this.tell(one));
    const good = compiled.map((one) => this.try(one));
    if (changed && !this.options['no-tests']) {
      const sources = compiled.flatMap(({ result }) => [...(result.tree?.sources.keys() ?? [])]);
      const touched = sources.filter((file) => changed.has(path.resolve(file)));
      this.tests.start(testsBeside([...changed, ...touched]));
    }
    return good.every((each) => each);
  }

  stop(): void {
    this.tests.stop();
  }

  private tell({ file, result, milliseconds }: Compiled): void {
    const { object, diagnostics } = result;
    this.output.out(`${file}: compiled in ${milliseconds.toFixed(0)} ms\n`);
    if (object === undefined) this.output.out(reportOf(diagnostics));
    for (const { name, code } of object?.programs ?? []) {
      const size = code.length / SLOT_BYTES;
      const key = keyOf(file, name);
      this.output.out(`  ${name}: ${withChange(size, this.sizes.get(key))} instructions\n`);
      this.sizes.set(key, size);
    }
  }

  private try({ file, result }: Compiled): boolean {
    const { object, tree } = result;
    if (object === undefined || tree === undefined) return false;
    const hasSettings = tree.sections.some(({ name }) => name === '.rodata');
    const rodata = hasSettings ? settingsContents(tree.sections, this.options) : undefined;
    const kernel = !this.options['no-kernel'];
    return tree.programs
      .map((program) => {
        const trial = tryProgram(tree, object, program, { rodata, kernel });
        return this.tellTrial(keyOf(file, program.name), program.name, trial);
      })
      .every((each) => each);
  }

  private tellTrial(key: string, name: string, { figures, packets, disagreement, refusal }: Trial): boolean {
    this.output.out(`  ${name}: ${figuresText(figures, this.figures.get(key))}\n`);
    this.figures.set(key, figures);
    if (disagreement) this.output.out(`  ${name}: the interpreter and the VM disagree on ${disagreement}\n`);
    else this.output.out(`  ${name}: the interpreter and the VM agree on ${packets} packets\n`);
    if (refusal) this.output.out(`  ${name}: not run by the kernel: ${refusal}\n`);
    return disagreement === undefined && refusal === undefined;
  }
}

/** Undefined where there is no use of bpf(2); each trial says so. */
function kernelsOwn(): Cpu | undefined {
  try {
    return kernelInstructionSet();
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

/** The instruction set asked for; else the newest that this kernel has, where the kernel is to run what is compiled. */
function instructionSet({ cpu, 'no-kernel': noKernel }: Options): Cpu | undefined {
  if (cpu === undefined) return noKernel ? undefined : kernelsOwn();
  const known = CPUS.find((each) => each === cpu);
  if (known === undefined) throw new UsageError(`--cpu ${cpu}: it must be ${CPUS.join(', ')}`);
  return known;
}

/** Resolves when the process is asked to end. */
function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      process.off('SIGINT', end);
      process.off('SIGTERM', end);
      resolve();
    };
    process.on('SIGINT', end);
    process.on('SIGTERM', end);
  });
}

/** Takes one turn at a time; what is saved meanwhile is the next one's together. */
class Turns {
  private waiting = new Set<string>();
  private running = false;

  get isIdle(): boolean {
    return !this.running;
  }

  constructor(private readonly turn: (changed: ReadonlySet<string>) => Promise<void>) {}

  /** A turn before all others. */
  async begin(first: () => Promise<unknown>): Promise<void> {
    this.running = true;
    try {
      await first();
    } finally {
      this.running = false;
    }
  }

  async saved(files: ReadonlySet<string>): Promise<void> {
    for (const file of files) this.waiting.add(file);
    if (this.running) return;
    this.running = true;
    try {
      while (this.waiting.size > 0) {
        const changed = this.waiting;
        this.waiting = new Set();
        await this.turn(changed);
      }
    } finally {
      this.running = false;
    }
  }
}

/** `a.ts, b.ts saved`, `c.ts gone`, or both. */
function changesText(files: ReadonlySet<string>): string {
  const names = (isThere: boolean): string =>
    [...files]
      .filter((file) => existsSync(file) === isThere)
      .map((file) => path.relative(process.cwd(), file))
      .join(', ');
  const [saved, gone] = [names(true), names(false)];
  return [saved && `${saved} saved`, gone && `${gone} gone`].filter((part) => part !== '').join('; ');
}

/** A turn whose settings may no longer fit. */
async function turn(session: Session, changed: ReadonlySet<string>, output: Output): Promise<void> {
  try {
    await session.turn(changed);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    output.error(`natra: ${error.message}\n`);
  }
}

/**
 * `startBackEnd`: threads for programs to be compiled in at the same time. With --once 1 where anything is wrong;
 * else 0 when it is ended by Ctrl-C.
 */
export async function devCommand(
  argv: readonly string[],
  output: Output,
  startBackEnd?: (trees: number, resident: boolean) => BackEnd,
): Promise<ExitStatus> {
  const { values, positionals } = parsed(argv);
  const cpu = instructionSet(values);
  const named = positionals.length > 0 ? positionals : [DEFAULT];
  const project = new Project(named, cpu && { cpu }, startBackEnd?.(THREADS, values.once !== true));
  const session = new Session(project, values, output);
  if (values.once) return (await session.turn()) ? 0 : 1;
  const turns = new Turns(async (heard) => {
    const files = [...heard].filter((name) => name.endsWith('.ts'));
    // Of a folder that came or went nothing else says what is in it.
    const changed = new Set(files.length < heard.size ? [...files, ...project.outdated()] : files);
    if (changed.size > 0) {
      output.out(`\n${changesText(changed)}\n`);
      await turn(session, changed, output);
    }
    if (watcher.watch(project.folders())) void turns.saved(project.outdated());
    collectYoung();
  });
  let hasEnded = false;
  const rehearsals = new Rehearsals(project, () => turns.isIdle && watcher.isQuiet && !hasEnded);
  const told = (changed: ReadonlySet<string>) => void turns.saved(changed).then(() => rehearsals.goOn());
  const watcher = new Watcher(told);
  watcher.watch(project.folders());
  try {
    await turns.begin(() => session.turn());
    const isMore = watcher.watch(project.folders());
    output.out('watching; Ctrl-C ends\n');
    told(isMore ? project.outdated() : new Set());
    await interrupted();
  } finally {
    hasEnded = true;
    watcher.close();
    session.stop();
  }
  output.out('\n');
  return 0;
}
