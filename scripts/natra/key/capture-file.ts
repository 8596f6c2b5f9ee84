/** The packets of a capture file that a command names. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { UsageError } from '../../../dsl/cli/output.ts';
import { type Capture, type CapturedPacket, readCapture } from './capture.ts';
import { onEthernet } from './link.ts';

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** As Ethernet frames, up to the first that can't be one. */
function framesOf({ packets, problem }: Capture): Capture {
  const frames: CapturedPacket[] = [];
  for (const packet of packets) {
    try {
      frames.push(onEthernet(packet));
    } catch (error) {
      return { packets: frames, problem: `packet ${packet.number}: ${reasonOf(error)}` };
    }
  }
  return { packets: frames, ...(problem !== undefined && { problem }) };
}

/** The file's packets as Ethernet frames, whatever link they were captured on. Throws a UsageError where there is none. */
export function readFrames(file: string): Capture {
  try {
    const bytes = readFileSync(file);
    const capture = framesOf(readCapture(isGzip(bytes) ? gunzipSync(bytes) : bytes));
    if (capture.problem !== undefined && capture.packets.length === 0) throw new Error(capture.problem);
    return capture;
  } catch (error) {
    throw new UsageError(`read ${file}: ${reasonOf(error)}`);
  }
}
