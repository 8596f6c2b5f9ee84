/** Runs a file of instruction vectors in the VM: bytecode, memory and the expected r0. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { runCode } from './vm.ts';

/** One vector; `program` and `memory` are hexadecimal, `expected` is r0 as a hexadecimal number. */
export interface Vector {
  readonly name: string;
  readonly program: string;
  readonly memory: string;
  readonly expected: string;
}

export interface VectorResults {
  /** Vectors that gave the expected r0. */
  readonly passes: readonly string[];
  /** Vectors that gave another. */
  readonly mismatches: readonly { readonly name: string; readonly expected: bigint; readonly r0: bigint }[];
  /** Vectors that the VM would not run, and why. */
  readonly refusals: readonly { readonly name: string; readonly reason: string }[];
}

/** Reads the vectors of a JSON file (`{ "vectors": [...] }`) and runs each. Throws for a file of another form. */
export function runVectors(file: string): VectorResults {
  const passes: string[] = [];
  const mismatches: { name: string; expected: bigint; r0: bigint }[] = [];
  const refusals: { name: string; reason: string }[] = [];
  for (const vector of readVectors(file)) {
    const expected = BigInt(vector.expected);
    try {
      const r0 = runCode(bytesOf(vector.program), bytesOf(vector.memory));
      if (r0 === expected) passes.push(vector.name);
      else mismatches.push({ name: vector.name, expected, r0 });
    } catch (error) {
      refusals.push({ name: vector.name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { passes, mismatches, refusals };
}

/** The vectors of a file, in order. */
export function readVectors(file: string): readonly Vector[] {
  const what = `read vectors of ${basename(file)}`;
  const content = parsed(what, textOf(what, file));
  const vectors = isRecord(content) ? content.vectors : undefined;
  if (!Array.isArray(vectors)) throw new Error(`${what}: no list "vectors" in it`);
  return vectors.map((vector: unknown, index) => {
    if (!isVector(vector))
      throw new Error(`${what}: vector ${index} needs the strings name, program, memory, expected`);
    const problem = problemOf(vector);
    if (problem !== undefined) throw new Error(`${what}: vector ${index} (${vector.name}): its ${problem}`);
    return vector;
  });
}

function textOf(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parsed(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replaceAll(/\s+/g, ' ') : String(error);
    throw new Error(`${what}: it is not JSON: ${reason}`);
  }
}

const BYTES = /^\s*([0-9a-f]{2}\s*)*$/i;
const NUMBER = /^(0x[0-9a-f]+|\d+)$/i;

function problemOf({ program, memory, expected }: Vector): string | undefined {
  if (!BYTES.test(program)) return 'program is not hexadecimal bytes';
  if (!BYTES.test(memory)) return 'memory is not hexadecimal bytes';
  return NUMBER.test(expected) ? undefined : 'expected result is not a number';
}

/** Bytes of a hexadecimal string; white space is skipped. */
export function bytesOf(hexadecimal: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hexadecimal.replaceAll(/\s/g, ''), 'hex'));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isVector(value: unknown): value is Vector {
  return (
    isRecord(value) &&
    ['name', 'program', 'memory', 'expected'].every((key) => typeof value[key] === 'string')
  );
}
