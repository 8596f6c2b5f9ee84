/** An independent dissector: tshark's fields of frames. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Every value of each field, in the order of the frame; none where a frame hasn't it. */
export type Dissection = ReadonlyMap<string, readonly string[]>;

const VALUES_SEPARATOR = ';';

/** tshark's version line, or undefined where it isn't installed. */
export function tsharkVersion(): string | undefined {
  const { status, stdout } = spawnSync('tshark', ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.split('\n')[0] : undefined;
}

/** A pcap file of whole Ethernet frames. */
export function pcapOf(frames: readonly Uint8Array[]): Uint8Array {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(0x40000, 16);
  header.writeUInt32LE(1, 20);
  const records = frames.flatMap((frame, index) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(index, 0);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, frame];
  });
  return Buffer.concat([header, ...records]);
}

/** Reads a capture file with tshark: no names, nothing reassembled, each frame by itself. */
export function dissectFile(file: string, fields: readonly string[]): readonly Dissection[] {
  const output = execFileSync(
    'tshark',
    [
      ...['-n', '-r', file, '-T', 'fields'],
      ...['-E', 'separator=/t', '-E', 'occurrence=a', '-E', `aggregator=${VALUES_SEPARATOR}`],
      ...['ip.defragment', 'ipv6.defragment', 'tcp.desegment_tcp_streams', 'ip.check_checksum'].flatMap(
        (each) => ['-o', `${each}:FALSE`],
      ),
      ...fields.flatMap((field) => ['-e', field]),
    ],
    { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  return output
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const values = line.split('\t');
      return new Map(
        fields.map((field, index) => {
          const value = values[index] ?? '';
          return [field, value === '' ? [] : value.split(VALUES_SEPARATOR)];
        }),
      );
    });
}

/** The dissection of each frame, in order. */
export function dissect(frames: readonly Uint8Array[], fields: readonly string[]): readonly Dissection[] {
  const folder = mkdtempSync(path.join(tmpdir(), 'natra-frames-'));
  try {
    const file = path.join(folder, 'frames.pcap');
    writeFileSync(file, pcapOf(frames));
    return dissectFile(file, fields);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
