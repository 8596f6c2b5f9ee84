/** Instruction vectors on this kernel: each gives its r0, or is refused for want of a feature that the kernel lacks. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import {
  ALU,
  ATOMIC,
  CLASS,
  decode,
  type Instruction,
  JMP,
  MODE,
  OPCODE_LDDW,
  SLOT_BYTES,
  SOURCE,
} from '../../../dsl/object/instruction.ts';
import { assemble, INSTRUCTION_VECTORS } from '../../../dsl/vm/instruction-vectors/index.ts';
import { bytesOf, readVectors, type Vector } from '../../../dsl/vm/vectors.ts';
import { KernelError } from '../../../loader/errors.ts';
import { runVectorOnKernel } from '../../../scripts/natra/kernel-vectors.ts';
import { type GuestPlan, VECTORS_FILE } from '../report.ts';
import { type Checks, require } from './checks.ts';

type Predicate = (instruction: Instruction) => boolean;

const classOf = ({ opcode }: Instruction): number => opcode & 0x07;
const modeOf = ({ opcode }: Instruction): number => opcode & 0xe0;
const operationOf = ({ opcode }: Instruction): number => opcode & 0xf0;
const fromRegister = ({ opcode }: Instruction): boolean => (opcode & SOURCE.register) !== 0;
const isAlu = (instruction: Instruction): boolean =>
  classOf(instruction) === CLASS.alu || classOf(instruction) === CLASS.alu64;

/** Additions to the instruction set that some supported kernels lack, each by its instructions. */
const EXTENSIONS: Readonly<Record<string, Predicate>> = {
  'atomics that fetch': (each) =>
    classOf(each) === CLASS.stx && modeOf(each) === MODE.atomic && each.imm !== ATOMIC.add,
  'sign extension': (each) =>
    (classOf(each) === CLASS.ldx && modeOf(each) === MODE.memsx) ||
    (isAlu(each) && operationOf(each) === ALU.mov && fromRegister(each) && each.offset !== 0),
  'signed division': (each) =>
    isAlu(each) && (operationOf(each) === ALU.div || operationOf(each) === ALU.mod) && each.offset === 1,
  'unconditional byte swaps': (each) => classOf(each) === CLASS.alu64 && operationOf(each) === ALU.end,
  'long jumps': (each) => classOf(each) === CLASS.jmp32 && operationOf(each) === JMP.ja,
};

const CALL_REGISTER = 0x8d;

/** What the machine would run and every verifier refuses. */
const isRefusedEverywhere: Predicate = (each) => {
  if (each.opcode === CALL_REGISTER) return true;
  if (!isAlu(each) || fromRegister(each)) return false;
  const operation = operationOf(each);
  const width = classOf(each) === CLASS.alu64 ? 64 : 32;
  const isShift = operation === ALU.lsh || operation === ALU.rsh || operation === ALU.arsh;
  if (isShift) return each.imm < 0 || each.imm >= width;
  return (operation === ALU.div || operation === ALU.mod) && each.imm === 0;
};

/** Without the second slots of LDDWs, which hold no opcode. */
function instructionsOf(code: Uint8Array): Instruction[] {
  const instructions: Instruction[] = [];
  for (let at = 0; (at + 1) * SLOT_BYTES <= code.length; at += 1) {
    const instruction = decode(code, at);
    instructions.push(instruction);
    if (instruction.opcode === OPCODE_LDDW) at += 1;
  }
  return instructions;
}

interface Case extends Vector {
  readonly extensions: readonly string[];
  readonly refused: boolean;
}

function caseOf(vector: Vector, refused: boolean): Case {
  const instructions = instructionsOf(bytesOf(vector.program));
  const extensions = Object.entries(EXTENSIONS).flatMap(([name, has]) =>
    instructions.some(has) ? [name] : [],
  );
  return { ...vector, extensions, refused: refused || instructions.some(isRefusedEverywhere) };
}

/** r0; undefined where the kernel refuses the vector. */
function r0Of(vector: Vector): bigint | undefined {
  try {
    return runVectorOnKernel(vector);
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

const OWN: readonly Case[] = INSTRUCTION_VECTORS.map((vector) =>
  caseOf(
    {
      name: vector.name,
      program: Buffer.from(assemble(vector)).toString('hex'),
      memory: '',
      expected: `0x${vector.expected.toString(16)}`,
    },
    vector.refused !== undefined,
  ),
);

/** The extensions that this kernel has: those whose first vector it takes. The others of each then have to follow. */
function presentExtensions(): ReadonlySet<string> {
  return new Set(
    Object.keys(EXTENSIONS).filter((name) => {
      const first = OWN.find(({ extensions, refused }) => !refused && extensions.join() === name);
      if (first === undefined) throw new Error(`probe ${name}: no vector shows it alone`);
      return r0Of(first) !== undefined;
    }),
  );
}

/** What is wrong with the kernel's answer, in words; empty where nothing is. */
function faultsOf(each: Case, present: ReadonlySet<string>): string[] {
  const r0 = r0Of(each);
  const lacking = each.extensions.filter((name) => !present.has(name));
  if (each.refused || lacking.length > 0)
    return r0 === undefined
      ? []
      : [`${each.name}: taken, though it needs ${lacking.join() || 'what no kernel has'}`];
  if (r0 === BigInt(each.expected)) return [];
  return [
    `${each.name}: ${r0 === undefined ? 'refused' : `0x${r0.toString(16)}`} instead of ${each.expected}`,
  ];
}

function checkVectors(vectors: readonly Case[], present: ReadonlySet<string>): string {
  const faults = vectors.flatMap((each) => faultsOf(each, present));
  require(faults.length === 0, faults.join('; '));
  const missing = Object.keys(EXTENSIONS).filter((name) => !present.has(name));
  return `${vectors.length} vectors${missing.length > 0 ? `, without ${missing.join(', ')}` : ''}`;
}

/** In a short run one vector of this many. */
const SHARE_OF_SHORT = 4;

export async function checkInstructions(share: string, checks: Checks, { depth }: GuestPlan): Promise<void> {
  const present = presentExtensions();
  const some = <T>(all: readonly T[]): readonly T[] =>
    depth === 'whole' ? all : all.filter((_, index) => index % SHARE_OF_SHORT === 0);
  await checks.run('our instruction vectors give their r0', () => checkVectors(some(OWN), present));
  const file = path.join(share, VECTORS_FILE);
  if (existsSync(file))
    await checks.run('the published conformance vectors give their r0', () =>
      checkVectors(some(readVectors(file).map((vector) => caseOf(vector, false))), present),
    );
}
