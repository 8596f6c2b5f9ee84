/** The examples of docs/language.md: modules with the errors that they are refused with and the runs that they promise. */

import type { Put } from '../differential/world.ts';

/** A step of an example: what the program is given, and what it must leave. Numbers by the context's field names. */
export interface ExampleRun {
  readonly line: number;
  /** The program's name; the block's only one by default. */
  readonly program: string | undefined;
  readonly packet: Uint8Array;
  readonly given: ReadonlyMap<string, bigint>;
  readonly verdict: number;
  readonly expected: ReadonlyMap<string, bigint>;
  /** Hexadecimal bytes that the packet must start with. */
  readonly packetAfter: string | undefined;
}

export interface Block {
  /** Of the first line of the module in the page. */
  readonly line: number;
  readonly text: string;
  /** `line code` of each error that must be reported, lines counted in the module. */
  readonly errors: readonly string[];
  readonly settings: ReadonlyMap<string, bigint>;
  /** What user space puts into maps beforehand. */
  readonly puts: readonly Put[];
  /** Records that a ring buffer has at the end, in hexadecimal, by its name. */
  readonly records: ReadonlyMap<string, readonly string[]>;
  readonly runs: readonly ExampleRun[];
}

/** The shortest packet of an example. */
const PACKET_BYTES = 64;

/** `name value, name value`, each value a number or hexadecimal bytes. */
function fieldsOf(text: string): ReadonlyMap<string, string> {
  const parts = text.split(',').map((part) => part.trim());
  return new Map(
    parts
      .filter((part) => part !== '')
      .map((part) => {
        const [name = '', ...rest] = part.split(/\s+/);
        return [name, rest.join('')];
      }),
  );
}

const numbers = (fields: ReadonlyMap<string, string>): ReadonlyMap<string, bigint> =>
  new Map([...fields].filter(([name]) => name !== 'packet').map(([name, value]) => [name, BigInt(value)]));

/** `[PROGRAM:] packet 08 00, mark 5 -> VERDICT, mark 6, packet 09`. */
function runOf(text: string, line: number): ExampleRun {
  const [before, after] = text.split('->');
  if (before === undefined || after === undefined)
    throw new Error(`docs/language.md:${line}: a run needs '->' and a verdict`);
  const [, program, givenText = ''] = /^\s*(?:(\w+):)?(.*)$/.exec(before) ?? [];
  const given = fieldsOf(givenText);
  const bytes = Buffer.from(given.get('packet') ?? '', 'hex');
  const packet = new Uint8Array(Math.max(PACKET_BYTES, bytes.length));
  packet.set(bytes);
  const [verdict = '', ...rest] = after.split(',');
  const expected = fieldsOf(rest.join(','));
  return {
    line,
    program,
    packet,
    given: numbers(given),
    verdict: Number(verdict) >>> 0,
    expected: numbers(expected),
    packetAfter: expected.get('packet'),
  };
}

/** `put: MAP INDEX PROGRAM`, or `put: MAP KEY innerMap`. */
function putOf(map: string, index: number, value: string): Put {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, index, true);
  return { map, key, value: value === 'innerMap' ? value : { program: value } };
}

function blockOf(text: string, line: number): Block {
  const errors: string[] = [];
  const runs: ExampleRun[] = [];
  let settings: ReadonlyMap<string, bigint> = new Map();
  const puts: Put[] = [];
  const records = new Map<string, readonly string[]>();
  text.split('\n').forEach((source, index) => {
    const error = /\/\/ error (\w+)$/.exec(source);
    if (error) errors.push(`${index + 1} ${error[1]}`);
    const run = /^\/\/ run:(.*)$/.exec(source);
    if (run) runs.push(runOf(run[1] ?? '', line + index));
    const put = /^\/\/ put: (\w+) (\d+) (\w+)$/.exec(source);
    if (put) puts.push(putOf(put[1] ?? '', Number(put[2]), put[3] ?? ''));
    const record = /^\/\/ records: (\w+) (.*)$/.exec(source);
    if (record) records.set(record[1] ?? '', (record[2] ?? '').split(', '));
    const given = /^\/\/ settings:(.*)$/.exec(source);
    if (given) settings = numbers(fieldsOf(given[1] ?? ''));
  });
  return { line, text, errors, runs, settings, puts, records };
}

/** Every block of TypeScript in a page of Markdown. */
export function blocksOf(page: string): readonly Block[] {
  return [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => {
    const line = page.slice(0, match.index).split('\n').length + 1;
    return blockOf(match[1] ?? '', line);
  });
}
