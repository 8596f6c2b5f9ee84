/** Operations back to a program: slots, jump distances, and the tables that name slots. */
import type { FunctionImage, ProgramImage, Relocation, SourceLine, ValueName } from '../image.ts';
import { OPCODE_LDDW, SLOT_BYTES } from '../instruction.ts';
import {
  type Code,
  isLongJump,
  type Operation,
  refersToFunction,
  type Setting,
  widthOf,
  wordsOf,
} from './code.ts';

const LEAST_OFFSET = -0x8000;
const MOST_OFFSET = 0x7fff;

/** New slots by old; for one whose operation is gone, the slot of the next that is left. */
function renumber(code: Code): { readonly places: Int32Array; readonly length: number } {
  const places = new Int32Array(code.length + 1);
  let length = 0;
  for (let slot = 0; slot < code.length; slot++) {
    places[slot] = length;
    const operation = code[slot];
    if (operation !== undefined) length += widthOf(operation);
  }
  places[code.length] = length;
  return { places, length };
}

/** Writes the operation at a slot, with its target as a distance from the next; false when that doesn't fit. */
function place(operation: Operation, at: number, places: Int32Array, words: Int32Array): boolean {
  const { opcode, target, high } = operation;
  let { offset, imm } = operation;
  if (target >= 0) {
    const distance = (places[target] ?? 0) - at - 1;
    if (refersToFunction(operation) || isLongJump(operation)) imm = distance;
    else if (distance < LEAST_OFFSET || distance > MOST_OFFSET) return false;
    else offset = distance;
  }
  words[at * 2] = opcode | (operation.dst << 8) | (operation.src << 12) | (offset << 16);
  words[at * 2 + 1] = imm;
  if (opcode === OPCODE_LDDW) words[at * 2 + 3] = high;
  return true;
}

function movedLines(lines: readonly SourceLine[], places: Int32Array, length: number): SourceLine[] {
  const moved: SourceLine[] = [];
  for (const line of lines) {
    const slot = places[line.slot] ?? length;
    if (slot >= length) break;
    if (moved.at(-1)?.slot === slot) moved.pop();
    moved.push({ ...line, slot });
  }
  return moved;
}

const movedNames = (names: readonly ValueName[], code: Code, places: Int32Array): ValueName[] =>
  names.flatMap((name) => {
    const slot = places[name.slot];
    return code[name.slot] === undefined || slot === undefined ? [] : [{ ...name, slot }];
  });

/** The functions that are still referred to: the verifier refuses any other. */
function movedFunctions(
  functions: readonly FunctionImage[],
  code: Code,
  places: Int32Array,
): FunctionImage[] {
  const used = new Set([0]);
  for (const operation of code)
    if (operation !== undefined && refersToFunction(operation)) used.add(operation.target);
  return functions
    .filter(({ slot }) => used.has(slot))
    .map((each) => ({ ...each, slot: places[each.slot] ?? 0 }));
}

export interface SettingUse extends Setting {
  /** Of the LDDW that holds it. */
  readonly slot: number;
}

export interface Encoded {
  readonly program: ProgramImage;
  /** What is to be filled in before it is the program. */
  readonly uses: readonly SettingUse[];
}

/** `program` with other code; undefined when a jump of it would go too far for its offset. */
export function encodeProgram(program: ProgramImage, code: Code): Encoded | undefined {
  const { places, length } = renumber(code);
  const bytes = new Uint8Array(length * SLOT_BYTES);
  const words = wordsOf(bytes);
  const relocations: Relocation[] = [];
  const uses: SettingUse[] = [];
  for (let slot = 0; slot < code.length; slot++) {
    const operation = code[slot];
    if (operation === undefined) continue;
    const to = places[slot] ?? 0;
    if (!place(operation, to, places, words)) return undefined;
    if (operation.relocation !== undefined) relocations.push({ slot: to, target: operation.relocation });
    if (operation.setting !== undefined) uses.push({ slot: to, ...operation.setting });
  }
  const moved = {
    ...program,
    code: bytes,
    relocations,
    functions: movedFunctions(program.functions, code, places),
    lines: movedLines(program.lines, places, length),
    ...(program.names && { names: movedNames(program.names, code, places) }),
  };
  return { program: moved, uses };
}
