/**
 * The contributor's command line. Each command is loaded when it is called, so that only those that compile pay for
 * loading TypeScript.
 */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { BackEnd, Cpu } from '../compiler/compile.ts';
import type { Verify } from './check.ts';
import { type Output, UsageError } from './output.ts';
import { isListing, STAGES, type Stage } from './stages.ts';
import type { RunVectors } from './vm.ts';

const HELP = `natra compile FILE... [--emit tree|ir|asm|object] [--before PASS | --after PASS] [-o OUT] [--cpu v1|v2|v3|v4] [--disable PASS]...
    compiles each program to FILE.o (--emit object, the default), or prints it as the typed tree, the optimised IR
    or assembly; --before and --after print the IR as a pass found or left it each time it ran (--after lower:
    before any pass)
natra check FILE... [--kernel] [--cpu v1|v2|v3|v4] [--unproven] [--json]
    prints what is wrong with programs; exits with 1 when there is anything; --kernel also loads each program into
    this kernel, and tells a refusal by its verifier on the program's lines, with its variables and the mend,
    compiled for the newest instruction set that the kernel has where --cpu names none;
    --unproven leaves to the verifier what only it needs proven (bounds, stale references, 'reference!')
natra disasm FILE.o [PROGRAM]
    prints the instructions of an object file's programs between their source lines
natra vm FILE.json [--kernel] [--json]
    runs instruction vectors ({ "vectors": [{ name, program, memory, expected }] }, bytes in hexadecimal) in the
    VM, with --kernel on this kernel too; exits with 1 when a result differs
`;

/** What the command line is started with; what is absent it can't do. */
export interface Surroundings {
  /** Runs vectors on the kernel. */
  readonly onKernel?: RunVectors;
  /** Loads the programs of an object into the kernel, to hear what its verifier says. */
  readonly verify?: Verify;
  /** The newest instruction set that this kernel has. */
  readonly kernelCpu?: () => Cpu;
  /** Starts threads that make objects of as many trees at a time. */
  readonly startBackEnd?: (trees: number) => BackEnd;
  /** Commands that need more than the compiler. */
  readonly commands?: Readonly<Record<string, Command>>;
}

/** A command from outside this folder. */
export interface Command {
  /** Its lines of the help text. */
  readonly help: string;
  readonly run: Run;
}

type Run = (argv: readonly string[], output: Output, given: Surroundings) => Promise<number>;

const text = { type: 'string' } as const;
const CPUS = ['v1', 'v2', 'v3', 'v4'] as const;
const flag = { type: 'boolean' } as const;

function parsed<T extends ParseArgsConfig['options']>(command: string, argv: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${command}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function choice<T extends string>(option: string, value: string, choices: readonly T[]): T {
  const found = choices.find((candidate) => candidate === value);
  if (found === undefined) throw new UsageError(`${option} ${value}: it must be ${choices.join(', ')}`);
  return found;
}

/** The one file that a command needs, and no more positional arguments than it takes. */
function fileOf(command: string, positionals: readonly string[], most = 1): string {
  const [file] = positionals;
  if (file === undefined) throw new UsageError(`${command}: name a file`);
  if (positionals.length > most)
    throw new UsageError(`${command}: unexpected argument ${positionals[most] ?? ''}`);
  return file;
}

async function compile(
  argv: readonly string[],
  output: Output,
  { startBackEnd }: Surroundings,
): Promise<number> {
  const options = {
    emit: text,
    before: text,
    after: text,
    out: { ...text, short: 'o' },
    cpu: text,
    disable: { ...text, multiple: true },
  } as const;
  const { values, positionals } = parsed('compile', argv, options);
  if (positionals.length === 0) throw new UsageError('compile: name a file');
  const emit: Stage = choice('--emit', values.emit ?? 'object', STAGES);
  const command = {
    files: positionals,
    emit,
    cpu: choice('--cpu', values.cpu ?? 'v3', CPUS),
    disable: values.disable ?? [],
    ...(values.before === undefined ? {} : { before: values.before }),
    ...(values.after === undefined ? {} : { after: values.after }),
    ...(values.out === undefined ? {} : { outFile: values.out }),
  };
  // A thread starts while TypeScript is loaded.
  const backEnd = isListing(command) ? undefined : startBackEnd?.(positionals.length);
  const { compileCommand } = await import('./compile.ts');
  return compileCommand(command, output, backEnd);
}

async function check(argv: readonly string[], output: Output, given: Surroundings): Promise<number> {
  const { verify, kernelCpu } = given;
  const options = { json: flag, kernel: flag, unproven: flag, cpu: text } as const;
  const { values, positionals } = parsed('check', argv, options);
  if (values.kernel && !verify)
    throw new UsageError('check --kernel: this build of the command line has no loader in it');
  const command = await import('./check.ts');
  const { json = false, unproven = false } = values;
  const asked = values.cpu === undefined ? undefined : choice('--cpu', values.cpu, CPUS);
  const cpu = asked ?? (values.kernel ? kernelCpu?.() : undefined);
  const kernel = values.kernel && verify ? { verify } : {};
  return command.check(positionals, { json, unproven, ...kernel, ...(cpu && { cpu }) }, output);
}

async function disasm(argv: readonly string[], output: Output): Promise<number> {
  const { positionals } = parsed('disasm', argv, {});
  const file = fileOf('disasm', positionals, 2);
  const command = await import('./disasm.ts');
  return command.disasm(file, positionals[1], output);
}

async function vm(argv: readonly string[], output: Output, { onKernel }: Surroundings): Promise<number> {
  const { values, positionals } = parsed('vm', argv, { kernel: flag, json: flag });
  const file = fileOf('vm', positionals);
  const command = await import('./vm.ts');
  return command.vm({ file, kernel: values.kernel ?? false, json: values.json ?? false }, onKernel, output);
}

const COMMANDS: Readonly<Record<string, Run>> = { compile, check, disasm, vm };

/** The exit status of a command line: 0, 1 for errors in what it looked at, 2 when it was called wrongly. */
export async function main(
  argv: readonly string[],
  output: Output,
  surroundings: Surroundings = {},
): Promise<number> {
  const [name, ...rest] = argv;
  const others = Object.entries(surroundings.commands ?? {});
  if (name === undefined || name === 'help' || argv.includes('--help') || argv.includes('-h')) {
    (name === undefined ? output.error : output.out)(HELP + others.map(([, { help }]) => help).join(''));
    return name === undefined ? 2 : 0;
  }
  try {
    const commands = new Map([
      ...Object.entries(COMMANDS),
      ...others.map(([other, { run }]) => [other, run] as const),
    ]);
    const command = commands.get(name);
    if (command === undefined)
      throw new UsageError(`no command is named ${name}; there are ${[...commands.keys()].join(', ')}`);
    return await command(rest, output, surroundings);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    output.error(`natra: ${error.message}\n`);
    return 2;
  }
}
