/** The packets of a capture file that a command names. */
import { readFileSync } from 'node:fs';
import { UsageError } from '../../../dsl/cli/output.ts';
import { type CapturedPacket, ETHERNET, readCapture } from './capture.ts';

/** Throws a UsageError for what can't be read, and for packets of other links than Ethernet. */
export function ethernetPackets(file: string): readonly CapturedPacket[] {
  let packets: readonly CapturedPacket[];
  try {
    packets = readCapture(readFileSync(file));
  } catch (error) {
    throw new UsageError(`read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const other = packets.find(({ linkType }) => linkType !== ETHERNET);
  if (other === undefined) return packets;
  throw new UsageError(
    `packet ${other.number} of ${file}: link type ${other.linkType} is not Ethernet; capture on one interface, not on any`,
  );
}
