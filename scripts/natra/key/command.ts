/** `natra key FILE [--json]`: each packet's flow key as the dataplane's parser sees it. */
import { parseArgs } from 'node:util';
import { type ExitStatus, type Output, UsageError } from '../../../dsl/cli/output.ts';
import type { CapturedPacket } from './capture.ts';
import { readFrames } from './capture-file.ts';
import { describeKey, type Key } from './describe.ts';
import { createKeyOf, Disagreement, type KeyOf } from './flow-key.ts';

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** One packet of the output. */
type Row = { readonly number: number; readonly time?: string; readonly wireBytes: number } & Key;

/** Seconds since the epoch, with nanoseconds. */
const seconds = (time: bigint): string => {
  const digits = time.toString().padStart(10, '0');
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
};

/** A packet that was cut short in the capture has its full length on the wire; its headers end where it was cut. */
function rowOf(packet: CapturedPacket, keyOf: KeyOf): Row {
  const { number, time, length, bytes } = packet;
  const seen = keyOf(bytes);
  return {
    number,
    ...(time !== undefined && { time: seconds(time) }),
    wireBytes: seen.wireBytes + Math.max(length - bytes.length, 0),
    ...describeKey(seen),
  };
}

const hexadecimal = (value: number, digits: number): string =>
  `0x${value.toString(16).padStart(digits, '0')}`;

function lineOf({ number, wireBytes, ...key }: Row): string {
  const parts =
    'etherType' in key
      ? [`ethertype ${hexadecimal(key.etherType, 4)}`]
      : [`${key.source} > ${key.destination}`, `protocol ${key.protocol}`];
  if ('sourcePort' in key) parts.push(`ports ${key.sourcePort} > ${key.destinationPort}`);
  if ('spi' in key) parts.push(`spi ${hexadecimal(key.spi, 8)}`);
  if ('key' in key) parts.push(`key ${hexadecimal(key.key, 8)}`);
  if ('type' in key) parts.push(`type ${key.type}`, `identifier ${key.identifier}`);
  parts.push(`${wireBytes} bytes`);
  if (key.headerBytes > 0) parts.push(`${key.headerBytes} of headers`);
  if (key.ecn !== 'not ECT') parts.push(key.ecn);
  if (key.vital) parts.push('vital');
  return `${number}  ${parts.join(', ')}`;
}

function fileAndFlags(argv: readonly string[]): { readonly file: string; readonly json: boolean } {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { json: { type: 'boolean' } },
      allowPositionals: true,
    });
    const [file, ...others] = positionals;
    if (file === undefined || others.length > 0) throw new Error('name one capture file');
    return { file, json: values.json ?? false };
  } catch (error) {
    throw new UsageError(`key: ${reasonOf(error)}`);
  }
}

/** 0; 1 when the interpreter and the VM disagree on a packet, or the file can't be read to its end: the error says where. */
export function keyCommand(argv: readonly string[], output: Output): ExitStatus {
  const { file, json } = fileAndFlags(argv);
  const { packets, problem } = readFrames(file);
  const keyOf = createKeyOf();
  const rows: Row[] = [];
  for (const packet of packets) {
    try {
      rows.push(rowOf(packet, keyOf));
    } catch (error) {
      if (!(error instanceof Disagreement)) throw error;
      output.error(`natra: key of packet ${packet.number} of ${file}: ${error.message}\n`);
      return 1;
    }
  }
  output.out(
    json ? `${JSON.stringify(rows, undefined, 2)}\n` : rows.map((row) => `${lineOf(row)}\n`).join(''),
  );
  if (problem === undefined) return 0;
  output.error(`natra: read ${file}: ${problem}\n`);
  return 1;
}
