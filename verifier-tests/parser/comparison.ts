/** The parser against a dissector, frame by frame. */
import { address4, address6 } from '../../scripts/natra/key/describe.ts';
import type { KeyOf, Seen } from '../../scripts/natra/key/flow-key.ts';
import { type ExpectedKey, expectedKey, FIELDS } from './expected-key.ts';
import type { Frame } from './frames.ts';
import { dissect } from './tshark.ts';

/** What the program saw, in the dissector's words. */
export function keyOfSeen(seen: Seen): ExpectedKey {
  if (seen.version === 0) return { etherType: Number(seen.transport) };
  const addresses =
    seen.version === 4
      ? { source: address4(seen.sourceLow), destination: address4(seen.destinationLow) }
      : {
          source: address6(seen.sourceHigh, seen.sourceLow),
          destination: address6(seen.destinationHigh, seen.destinationLow),
        };
  return {
    ...addresses,
    protocol: Number(seen.transport >> 32n),
    id: Number(seen.transport & 0xffffffffn),
    ecn: seen.ecn,
  };
}

export interface Difference {
  readonly frame: string;
  readonly program: ExpectedKey;
  readonly dissector: ExpectedKey;
}

/** Every frame whose key isn't the dissector's; `headerBytes` is compared where the payload's length is known. */
export function differences(frames: readonly Frame[], keyOf: KeyOf): readonly Difference[] {
  const dissections = dissect(
    frames.map(({ bytes, honest }) => honest ?? bytes),
    FIELDS,
  );
  if (dissections.length !== frames.length)
    throw new Error(`dissect ${frames.length} frames: tshark gave ${dissections.length}`);
  return frames.flatMap(({ name, bytes, transportBytes }, index) => {
    const dissection = dissections[index];
    if (dissection === undefined) return [];
    const dissector = expectedKey(dissection, transportBytes);
    const seen = keyOf(bytes);
    const known = 'payloadBytes' in dissector && dissector.payloadBytes !== undefined;
    const program = {
      ...keyOfSeen(seen),
      ...(known && { payloadBytes: bytes.length - seen.headerBytes }),
    };
    return JSON.stringify(program) === JSON.stringify(dissector) ? [] : [{ frame: name, program, dissector }];
  });
}
