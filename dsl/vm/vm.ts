/** The virtual machine: an object's maps, sections and programs in a model of the kernel's memory. */
import type { Machine } from '../machine/call.ts';
import { Clock, RandomSource } from '../machine/clock.ts';
import { createMap, isValueMap, type ModelMap } from '../machine/maps.ts';
import type { Packet } from '../machine/packet.ts';
import type { ObjectImage, ProgramImage, ProgramKind } from '../object/image.ts';
import { HelperCalls } from './calls.ts';
import { Context } from './context.ts';
import { type DecodedCode, decodeCode, type Words } from './decode.ts';
import { VmError } from './error.ts';
import { Interpreter } from './interpreter.ts';
import { AddressSpace } from './memory.ts';
import { createRegisters, readRegister, writeRegister } from './registers.ts';
import { CallStack } from './stack.ts';

/** Every `src` of an LDDW that refers to something a VM has (RFC 9669 section 5.4). */
const LDDW = { imm: 0, mapFd: 1, mapValue: 2, code: 4, mapIndex: 5, mapIndexValue: 6 } as const;
const DEFAULT_STEP_LIMIT = 10_000_000;

export interface VmOptions {
  /** Possible CPUs: the copies of per-CPU values. Default: 1. */
  readonly cpus?: number;
  readonly clock?: Clock;
  readonly random?: RandomSource;
  /** Instructions after which a run is taken for endless. Default: 10 million. */
  readonly stepLimit?: number;
}

/** What a program runs on: a packet, or plain memory (r1 its address, r2 its length). */
export type RunInput = Packet | { readonly memory: Uint8Array };

export interface RunResult {
  /** All 64 bits; a classifier's verdict is the low 32. */
  readonly r0: bigint;
  /** Instructions run. */
  readonly steps: number;
}

/**
 * Loads an object: its maps empty, its sections with their initial contents. Throws for bytecode that can't be
 * decoded or relocated; everything else that a verifier would refuse shows when it runs, as a VmError.
 */
export function createVm(object: ObjectImage, options: VmOptions = {}): Vm {
  return new Vm(object, options);
}

export class Vm {
  /** By name. */
  readonly maps: ReadonlyMap<string, ModelMap>;
  /** The memory of each data section by name; settings are written here before a run. */
  readonly sections: ReadonlyMap<string, Uint8Array>;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** The CPU that the next run is on. */
  cpu = 0;
  readonly #registers = createRegisters();
  readonly #memory = new AddressSpace();
  readonly #context: Context;
  readonly #interpreter: Interpreter;
  readonly #programs = new Map<string, { readonly image: ProgramImage; readonly code: DecodedCode }>();
  readonly #sectionTags = new Map<string, number>();
  readonly #codeTag: number;
  readonly #mark: number;

  constructor(object: ObjectImage, options: VmOptions) {
    this.clock = options.clock ?? new Clock();
    this.random = options.random ?? new RandomSource();
    this.maps = new Map(object.maps.map((image) => [image.name, createMap(image, options.cpus ?? 1)]));
    this.sections = new Map(
      object.sections.map((section) => [
        section.name,
        section.initial?.slice() ?? new Uint8Array(section.size),
      ]),
    );
    for (const [name, bytes] of this.sections) {
      this.#sectionTags.set(name, this.#memory.add(`section ${name}`, bytes, name !== '.rodata'));
    }
    this.#codeTag = this.#memory.add('code', new Uint8Array(0), false);
    this.#context = new Context(this.#memory);
    for (const program of object.programs) {
      const code = decodeCode(program.code, (slot, src, imm, next) =>
        this.#resolve(program, slot, src, imm, next),
      );
      this.#programs.set(program.name, { image: program, code });
    }
    this.#interpreter = new Interpreter(
      {
        registers: this.#registers,
        memory: this.#memory,
        context: this.#context,
        stack: new CallStack(this.#memory),
        helpers: new HelperCalls(this.#registers, this.#memory, this.#context),
        codeTag: this.#codeTag,
        program: (name) => this.#find(name).code,
      },
      options.stepLimit ?? DEFAULT_STEP_LIMIT,
    );
    this.#mark = this.#memory.mark();
  }

  /** Runs a program of the object. Throws a VmError where it does what no verifier would let it. */
  run(programName: string, input: RunInput): RunResult {
    const { image, code } = this.#find(programName);
    const packet = 'memory' in input ? undefined : input;
    try {
      if ('memory' in input) this.#bindMemory(input.memory);
      else this.#bindPacket(input, image.kind);
      const machine: Machine = { clock: this.clock, random: this.random, cpu: this.cpu, packet };
      this.#interpreter.run(machine, code);
      return { r0: readRegister(this.#registers, 0), steps: this.#interpreter.steps };
    } catch (error) {
      throw this.#explain(error, image);
    } finally {
      this.#memory.forget(this.#mark);
    }
  }

  #bindPacket(packet: Packet, kind: ProgramKind): void {
    this.#context.bind(packet, kind);
    this.#registers.fill(0);
    this.#registers[3] = this.#context.tag;
  }

  #bindMemory(memory: Uint8Array): void {
    this.#context.unbind();
    this.#registers.fill(0);
    if (memory.length > 0) this.#registers[3] = this.#memory.tagOf('the memory', memory);
    writeRegister(this.#registers, 2, BigInt(memory.length));
  }

  #find(name: string): { readonly image: ProgramImage; readonly code: DecodedCode } {
    const found = this.#programs.get(name);
    if (found !== undefined) return found;
    throw new Error(
      `run ${name}: the object has no such program, it has ${[...this.#programs.keys()].join(', ')}`,
    );
  }

  /** What an LDDW loads: by its relocation, whose kind `src` need not repeat; else a map is meant by its index. */
  #resolve(program: ProgramImage, slot: number, src: number, imm: number, next: number): Words {
    const target = program.relocations.find((relocation) => relocation.slot === slot)?.target;
    if (target?.kind === 'section') {
      const tag = this.#sectionTags.get(target.name);
      if (tag !== undefined) return [target.offset, tag];
      throw new Error(
        `load ${program.name}: slot ${slot} refers to section ${target.name}, which is not there`,
      );
    }
    if (target === undefined && src === LDDW.imm) return [imm, next];
    if (src === LDDW.code) return [slot + 1 + imm, this.#codeTag];
    const map = target === undefined ? [...this.maps.values()][imm] : this.maps.get(target.name);
    if (map === undefined) {
      throw new Error(
        `load ${program.name}: slot ${slot} refers to map ${target?.name ?? imm}, which is not there`,
      );
    }
    if (src === LDDW.imm || src === LDDW.mapFd || src === LDDW.mapIndex)
      return [0, this.#memory.tagOfMap(map)];
    if (
      (src === LDDW.mapValue || src === LDDW.mapIndexValue) &&
      map.image.kind === 'array' &&
      isValueMap(map)
    ) {
      const value = map.lookup(new Uint8Array(4));
      if (value !== undefined) return [next, this.#memory.tagOf(`the value of map ${map.image.name}`, value)];
    }
    throw new Error(
      `load ${program.name}: slot ${slot} is an lddw of kind ${src}, which can't refer to ${map.image.name}`,
    );
  }

  #explain(error: unknown, image: ProgramImage): unknown {
    const failedAt = this.#interpreter.failedAt;
    if (!(error instanceof Error) || failedAt === undefined) return error;
    const running = [...this.#programs.values()].find(({ code }) => code === failedAt.code)?.image ?? image;
    return new VmError(running.name, running.code, failedAt.slot, error);
  }
}

/**
 * Runs bare bytecode: r1 is the memory's address (0 when empty), r2 its length, r10 the end of a 512-byte stack.
 * Gives r0; throws a VmError as `run` does.
 */
export function runCode(code: Uint8Array, memory: Uint8Array): bigint {
  const program: ProgramImage = {
    name: 'code',
    kind: 'socketFilter',
    code,
    relocations: [],
    functions: [],
    lines: [],
  };
  const vm = createVm({ license: 'GPL', maps: [], sections: [], programs: [program] });
  return vm.run(program.name, { memory }).r0;
}
