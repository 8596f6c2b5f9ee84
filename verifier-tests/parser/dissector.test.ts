import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type CapturedPacket, readCapture } from '../../scripts/natra/key/capture.ts';
import { createKeyOf } from '../../scripts/natra/key/flow-key.ts';
import { collecting } from '../coverage/collect.ts';
import { differences } from './comparison.ts';
import { cutNetworks, cutTransports, type Frame, otherFrames, wholeFrames } from './frames.ts';
import { pcapOf, tsharkVersion } from './tshark.ts';

const version = tsharkVersion();
const folder = mkdtempSync(path.join(tmpdir(), 'natra-captures-'));
afterAll(() => rmSync(folder, { recursive: true }));

const KINDS: Readonly<Record<string, () => readonly Frame[]>> = {
  'every combination of link, network and transport headers': () => [...wholeFrames()],
  'transport headers cut at each byte': () => [...cutTransports(14)],
  'link and network headers cut at each byte': () => [...cutNetworks()],
  'ARP, other EtherTypes, 802.3': () => [...otherFrames()],
};

describe.skipIf(version === undefined)(
  `the key is that of ${version ?? 'tshark, which is not installed'}`,
  () => {
    const keyOf = createKeyOf(collecting);

    for (const [kind, make] of Object.entries(KINDS)) {
      const frames = make();
      test(`${frames.length} frames: ${kind}`, () => {
        expect(differences(frames, keyOf).slice(0, 10)).toEqual([]);
      });
    }
  },
);

describe.skipIf(version === undefined)('capture files that editcap wrote', () => {
  const frames = [...otherFrames()].slice(0, 5).map(({ bytes }) => bytes);
  const original = path.join(folder, 'original.pcap');
  writeFileSync(original, pcapOf(frames));

  const converted = (name: string, options: readonly string[]): readonly CapturedPacket[] => {
    const file = path.join(folder, name);
    execFileSync('editcap', [...options, original, file], { stdio: 'pipe' });
    return readCapture(readFileSync(file)).packets;
  };

  test.each(['pcap', 'nsecpcap', 'pcapng'])('%s: the same packets and times', (format) => {
    expect(converted(format, ['-F', format])).toEqual(
      frames.map((bytes, index) => ({
        number: index + 1,
        time: BigInt(index) * 1_000_000_000n,
        length: bytes.length,
        bytes: Buffer.from(bytes),
        linkType: 1,
      })),
    );
  });

  test.each(['pcap', 'pcapng'])('%s: packets that were cut know their length', (format) => {
    const cut = converted(`cut.${format}`, ['-F', format, '-s', '20']);
    expect(cut.map(({ bytes, length }) => [bytes.length, length])).toEqual(
      frames.map(({ length }) => [20, length]),
    );
  });
});
