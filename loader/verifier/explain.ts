/** A refusal by the kernel's verifier in terms of the TypeScript program: where, on which path, with which values, and the mend. */
import type { ProgramImage } from '../../dsl/object/image.ts';
import { lineAt, linesOf, type PathStep } from './lines.ts';
import { parseLog, pathTo, statesAt, type VerifierLog, type Visit } from './log.ts';
import { type Mend, mendFor, UNCHECKED } from './mend.ts';
import { Names, type Path, registersRead } from './names.ts';
import { describeState, isNumber } from './values.ts';

export interface ExplainedValue {
  /** Absent where the value is no longer, or not only, in one. */
  readonly register: string | undefined;
  /** The variable or expression that it holds, where the compiler said so. */
  readonly name: string | undefined;
  /** What the verifier knows of it, in words. */
  readonly known: string;
}

export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** The source line. */
  readonly text: string;
}

export interface Explanation {
  readonly program: string;
  /** The verifier's own words. */
  readonly message: string;
  /** The line of the refused instruction; absent where the program has no line table or the log no instruction. */
  readonly place: Place | undefined;
  /** The refused instruction as the kernel prints it. */
  readonly instruction: string | undefined;
  readonly values: readonly ExplainedValue[];
  readonly path: readonly PathStep[];
  /** Whether the log begins later than the program, as long ones do. */
  readonly headMissing: boolean;
  readonly mend: Pick<Mend, 'name' | 'why' | 'instead'> | undefined;
}

const UNDEFINED = 'undefined on this path';
const CUT = 'the log breaks off before the verifier says why';

/** What the message itself says of a register, which is later than what the log said of it before. */
function correction(message: string, register: string, state: string): string | undefined {
  const number = register.slice(1);
  if (new RegExp(`R${number} invalid mem access '(scalar|inv)'`).test(message))
    return describeState(state) === '0' ? UNDEFINED : 'no reference any more';
  const [, offset, size, known] =
    new RegExp(`off=(-?\\d+) size=(\\d+), R${number}\\([^)]*\\br=(\\d+)\\)`).exec(message) ?? [];
  if (offset === undefined || size === undefined) return undefined;
  return `the packet, ${known} bytes of it known to be there; the access ends at ${Number(offset) + Number(size)}`;
}

function valuesOf(log: VerifierLog, positions: readonly number[], path: Path, image: ProgramImage) {
  const refused = path.at(-1);
  if (refused === undefined) return [];
  const names = new Names(image);
  const states = statesAt(log, positions);
  const mentioned = [...log.message.matchAll(/\bR(\d+)\b/g)].map(([register]) => register);
  const values: ExplainedValue[] = [];
  for (const register of new Set([...mentioned, ...registersRead(refused.text)])) {
    const state = states.get(register);
    if (state === undefined || register === 'R10') continue;
    const known = correction(log.message, register, state) ?? describeState(state);
    values.push({ register: register.toLowerCase(), name: names.of(path, register), known });
  }
  const line = lineAt(image, refused.slot)?.text ?? '';
  for (const naming of names.within(path, line)) {
    if (values.some(({ name }) => name === naming.name)) continue;
    const set = path[naming.at]?.changed?.get(naming.register);
    const state = names.stillHolds(path, naming) ? (states.get(naming.register) ?? set) : set;
    if (state !== undefined && isNumber(state))
      values.push({ register: undefined, name: naming.name, known: describeState(state) });
  }
  return values;
}

function placeOf(image: ProgramImage, slot: number | undefined): Place | undefined {
  const found = slot === undefined ? undefined : lineAt(image, slot);
  return found && { file: found.file, line: found.line, column: found.column, text: found.text };
}

/** Explains the log of a refused load. Never throws on logs that it doesn't understand: it then says less. */
export function explain(image: ProgramImage, text: string): Explanation {
  const log = parseLog(text);
  const positions = log.visits.length === 0 ? [] : pathTo(log, log.visits.length - 1);
  const path: Path = positions.map((position) => log.visits[position] as Visit);
  const refused = path.at(-1);
  const values = valuesOf(log, positions, path, image);
  // A reference that a comparison has found to be undefined is the number 0 to the verifier.
  const mend = values.some(({ known }) => known === UNDEFINED) ? UNCHECKED : mendFor(log.message);
  return {
    program: image.name,
    message: log.message === '' ? CUT : log.message,
    place: placeOf(image, log.messageSlot ?? refused?.slot),
    instruction: refused?.text,
    values,
    path: linesOf(image, path),
    headMissing: path[0] !== undefined && path[0].slot !== 0,
    mend: mend && { name: mend.name, why: mend.why, instead: mend.instead },
  };
}

/** Steps at the head and at the tail of a long path that are shown. */
const SHOWN = { head: 6, tail: 18 } as const;

function stepLines(steps: readonly PathStep[], indent: string): string[] {
  return steps.flatMap((step) =>
    step.kind === 'line'
      ? [`${indent}${String(step.line).padStart(4)}  ${step.text}`]
      : [`${indent}${step.count} rounds of`, ...stepLines(step.lines, `${indent}  `)],
  );
}

/** The path with its middle left out where it is long. */
function pathLines({ path, headMissing }: Explanation): string[] {
  const hidden = path.length - SHOWN.head - SHOWN.tail;
  const shown =
    hidden <= 1
      ? stepLines(path, '    ')
      : [
          ...stepLines(path.slice(0, SHOWN.head), '    '),
          `    ... ${hidden} more lines ...`,
          ...stepLines(path.slice(-SHOWN.tail), '    '),
        ];
  return headMissing ? ['    (the log begins here)', ...shown] : shown;
}

/** As diagnostics are printed: place and words, the source line with a caret, why, what to write, values, path. */
export function formatExplanation(explanation: Explanation): string {
  const { place, program, message, values, mend } = explanation;
  const where = place ? `${place.file}:${place.line}:${place.column}` : program;
  const lines = [`${where} - the kernel's verifier refuses ${program}: ${message}`];
  if (place) {
    const margin = `${place.line} `;
    const before = place.text.slice(0, place.column - 1).replaceAll(/[^\t]/g, ' ');
    lines.push('', `${margin}${place.text}`, `${' '.repeat(margin.length)}${before}^`);
  }
  lines.push('');
  if (mend) lines.push(`  why: ${mend.why}`, `  instead: ${mend.instead}`);
  if (values.length > 0) lines.push('  values:');
  for (const { name, register, known } of values)
    lines.push(`    ${name && register ? `${name} (${register})` : (name ?? register)}: ${known}`);
  if (explanation.path.length > 0) lines.push('  path:', ...pathLines(explanation));
  return lines.join('\n');
}
