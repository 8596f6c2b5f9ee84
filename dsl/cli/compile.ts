/** `natra compile`: one file of the language to an object, or to a listing of any stage on the way. */
import path from 'node:path';
import { type BackEnd, type CompileResult, type Cpu, compile, compileOn } from '../compiler/compile.ts';
import type { IrProgram } from '../compiler/ir/ir.ts';
import { printFunction, printProgram } from '../compiler/ir/print.ts';
import { PASSES } from '../compiler/passes/index.ts';
import { printTree } from '../compiler/tree/print.ts';
import { writeElf } from '../object/elf/write.ts';
import { disassembly } from './disasm.ts';
import { checkSources, writeOutput } from './files.ts';
import { type ExitStatus, type Output, UsageError } from './output.ts';
import { reportOf } from './report.ts';
import type { Stage, Wanted } from './stages.ts';

export interface CompileCommand extends Wanted {
  readonly files: readonly string[];
  /** Where to write what comes of the only file; standard output for listings, `FILE.o` in this folder for objects by default. */
  readonly outFile?: string;
  readonly cpu: Cpu;
  readonly disable: readonly string[];
}

/** The IR before any pass: what the lowering made. */
const LOWERED = 'lower';

const names = new Set(PASSES.map(({ name }) => name));

function checkPasses(given: readonly string[], alsoKnown: readonly string[] = []): void {
  for (const name of given)
    if (!names.has(name) && !alsoKnown.includes(name))
      throw new UsageError(`no pass is named ${name}; there are ${[...alsoKnown, ...names].join(', ')}`);
}

/** The functions of every program as a pass found or left them, one listing for each of its runs. */
class Runs {
  constructor(private readonly side: 'before' | 'after') {}

  private readonly rounds = new Map<string, number>();
  private readonly listings: string[] = [];

  readonly record = (
    wanted: string,
    pass: string,
    program: string,
    fn: IrProgram['functions'][number],
  ): void => {
    if (pass !== wanted) return;
    const key = `${program} ${fn.name}`;
    const round = (this.rounds.get(key) ?? 0) + 1;
    this.rounds.set(key, round);
    this.listings.push(
      `; program ${program}: ${fn.name} ${this.side} ${pass}, round ${round}\n${printFunction(fn)}`,
    );
  };

  text(): string {
    return this.listings.join('\n');
  }
}

function listing({ object, tree, ir }: CompileResult, emit: Stage): string | Uint8Array {
  if (emit === 'tree' && tree) return printTree(tree);
  if (emit === 'ir' && ir) return ir.map((program) => printProgram(program)).join('\n');
  if (emit === 'asm' && object) return disassembly(object);
  if (emit === 'object' && object) return writeElf(object);
  throw new Error(`emit ${emit}: nothing was compiled, and nothing said why`);
}

/** The pass that listings are asked for, and on which side of it. */
function listed({
  before,
  after,
  disable,
}: CompileCommand): { side: 'before' | 'after'; pass: string } | undefined {
  if (before !== undefined && after !== undefined)
    throw new UsageError('--before and --after: give one of them');
  const pass = before ?? after;
  if (pass === undefined) return undefined;
  const side = before === undefined ? 'after' : 'before';
  checkPasses([pass], side === 'after' ? [LOWERED] : []);
  if (disable.includes(pass)) throw new UsageError(`--${side} ${pass}: the pass is disabled`);
  return { side, pass };
}

/** What a command makes of each file. */
interface Work {
  readonly result: Promise<CompileResult>;
  /** Listings of the pass that was asked for. */
  readonly runs: Runs | undefined;
}

/** Begins to compile one file: with threads, all that TypeScript is needed for has been done when it returns. */
function begin(file: string, command: CompileCommand, backEnd: BackEnd | undefined): Work {
  const { files, cpu, disable } = command;
  const wanted = listed(command);
  const options = {
    cpu,
    beside: files.filter((each) => each !== file),
    disablePasses: wanted?.pass === LOWERED ? names : new Set(disable),
  };
  if (backEnd) return { result: compileOn(backEnd, file, options), runs: undefined };
  const runs = wanted && wanted.pass !== LOWERED ? new Runs(wanted.side) : undefined;
  const record = (pass: string, program: string, fn: IrProgram['functions'][number]): void =>
    runs?.record(wanted?.pass ?? '', pass, program, fn);
  const result = compile(file, {
    ...options,
    ...(wanted?.side === 'before' && { beforePass: record }),
    ...(wanted?.side === 'after' && { afterPass: record }),
  });
  return { result: Promise.resolve(result), runs };
}

/** Writes the stage asked for; prints the diagnostics and gives 1 when there are any. */
async function finish(
  file: string,
  { result: coming, runs }: Work,
  command: CompileCommand,
  output: Output,
): Promise<ExitStatus> {
  const result = await coming;
  if (result.object === undefined) {
    output.out(reportOf(result.diagnostics));
    return 1;
  }
  const stage: Stage = listed(command) === undefined ? command.emit : 'ir';
  if (stage === 'object' && result.object.programs.length === 0)
    throw new UsageError(
      `compile ${file}: it exports no program, as in \`export const name = classifier(...)\``,
    );
  const content = runs === undefined ? listing(result, stage) : runs.text();
  const outFile = command.outFile ?? (stage === 'object' ? `${path.basename(file, '.ts')}.o` : undefined);
  if (outFile !== undefined) writeOutput(outFile, content);
  else if (typeof content === 'string') output.out(content);
  return 0;
}

/** Compiles each file, in the threads of `backEnd` where there are any; gives 1 when there is anything wrong with one. */
export async function compileCommand(
  command: CompileCommand,
  output: Output,
  backEnd?: BackEnd,
): Promise<ExitStatus> {
  const { files, outFile, disable } = command;
  if (outFile !== undefined && files.length > 1)
    throw new UsageError(`-o ${outFile}: it takes what comes of one file, and there are ${files.length}`);
  checkSources('compile', files);
  checkPasses(disable);
  const begun = files.map((file) => [file, begin(file, command, backEnd)] as const);
  const statuses: ExitStatus[] = [];
  for (const [file, work] of begun) statuses.push(await finish(file, work, command, output));
  return statuses.includes(1) ? 1 : 0;
}
