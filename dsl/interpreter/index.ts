/**
 * The reference interpreter: runs the typed tree on packets and model maps, one construct after the other as the
 * language defines it. It shares nothing with the passes or the code generator, so that it can judge them.
 */
import type { ModuleTree, ProgramTree } from '../compiler/tree/tree.ts';
import { Clock, RandomSource } from '../machine/clock.ts';
import { createMap, type ModelMap } from '../machine/maps.ts';
import type { Packet } from '../machine/packet.ts';
import type { SectionImage } from '../object/image.ts';
import { invoke } from './calls.ts';
import { TailCall } from './rings.ts';
import type { Hooks, Run, SeamsPlace } from './run.ts';
import { execute } from './statements.ts';
import { CONTEXT, InterpreterError, type Value } from './values.ts';

export type { Hooks, Way } from './run.ts';
export { describe, InterpreterError, Reference, type Value } from './values.ts';

export interface InterpreterOptions {
  readonly clock?: Clock;
  readonly random?: RandomSource;
  /** CPUs that per-CPU maps have values for. Default 1. */
  readonly cpus?: number;
  /** The CPU that programs run on. Default 0. */
  readonly cpu?: number;
  /**
   * `kernel` (default): clocks and randomness are the machine's. `memory`: they are the fields of the variable
   * `__seams` in `.bss`, {now: u64, coarse: u64, ticks: u64, random: u32}, which a test sets, as in bytecode built so.
   */
  readonly seams?: 'kernel' | 'memory';
  /** Statements and loop rounds that a run may take. Default 1,000,000. */
  readonly stepLimit?: number;
  readonly hooks?: Hooks;
}

export interface InterpreterResult {
  /** What the program returned, as the kernel reports it: 32 bits, unsigned. */
  readonly verdict: number;
  /** Statements and loop rounds taken. */
  readonly steps: number;
}

export interface Interpreter {
  /** By name; kept from run to run. */
  readonly maps: ReadonlyMap<string, ModelMap>;
  /** The data sections' bytes, to be set before a run and read after it; kept from run to run. */
  readonly sections: ReadonlyMap<SectionImage['name'], Uint8Array>;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** Runs a program on a packet, which it may change. Throws InterpreterError with the source's place. */
  run(program: string, packet: Packet): InterpreterResult;
}

const DEFAULT_STEP_LIMIT = 1_000_000;

function seamsOf(module: ModuleTree, sections: Interpreter['sections']): SeamsPlace {
  const image = module.sections.find(({ name }) => name === '.bss');
  const variable = image?.variables.find(({ name }) => name === '__seams');
  const section = sections.get('.bss');
  if (variable === undefined || section === undefined) {
    throw new Error('interpret with seams in memory: the module has no __seams in .bss');
  }
  return { section, offset: variable.offset };
}

function programNamed(module: ModuleTree, name: string): ProgramTree {
  const program = module.programs.find((candidate) => candidate.name === name);
  if (program === undefined) throw new Error(`run program ${name}: the module has no such program`);
  return program;
}

/** The result of the program, or of the one that took over from it last. */
function runToEnd(run: Run, module: ModuleTree, first: ProgramTree): Value {
  for (let program = first; ; ) {
    try {
      return invoke(run, program.entry, [CONTEXT], program.span);
    } catch (thrown) {
      if (!(thrown instanceof TailCall)) throw thrown;
      program = programNamed(module, thrown.program);
    }
  }
}

export function createInterpreter(module: ModuleTree, options: InterpreterOptions = {}): Interpreter {
  const { cpus = 1, cpu = 0, stepLimit = DEFAULT_STEP_LIMIT, hooks = {} } = options;
  const clock = options.clock ?? new Clock();
  const random = options.random ?? new RandomSource();
  const maps = new Map(module.maps.map((image) => [image.name, createMap(image, cpus)]));
  const sections = new Map(
    module.sections.map((section) => [
      section.name,
      section.initial?.slice() ?? new Uint8Array(section.size),
    ]),
  );
  const seams = options.seams === 'memory' ? seamsOf(module, sections) : undefined;
  return {
    maps,
    sections,
    clock,
    random,
    run(name, packet) {
      const program = programNamed(module, name);
      const run: Run = {
        execute,
        machine: { clock, random, cpu, packet },
        packet,
        maps,
        sections,
        seams,
        hooks,
        variables: new Map(),
        reserved: new Map(),
        tailCalls: 0,
        stepsLeft: stepLimit,
      };
      const value = runToEnd(run, module, program);
      if (run.reserved.size > 0)
        throw new InterpreterError(program.span, 'the program ended with a reserved record');
      const verdict = typeof value === 'bigint' ? Number(BigInt.asUintN(32, value)) : 0;
      return { verdict, steps: stepLimit - run.stepsLeft };
    },
  };
}
