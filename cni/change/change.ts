/** Changes the limits of a running Pod where they are, without a packet in between that meets none. */
import { DIRECTIONS, type Direction } from '../config/bandwidth.ts';
import type { AttachmentName } from '../config/network.ts';
import { Ledger } from '../dataplane/ledger.ts';
import { isInForce, withWish } from '../dataplane/renew.ts';
import { swap } from '../dataplane/swap.ts';
import { OperatorError } from '../errors.ts';
import type { Node } from '../node.ts';
import { attachmentKey } from '../state/key.ts';
import { withLock } from '../state/lock.ts';
import { readRecord, type Wish } from '../state/records.ts';

/** What became of a limit. */
export interface Change {
  readonly direction: Direction;
  /** False where the wish was fulfilled, and by a program of this release. */
  readonly isChanged: boolean;
}

/**
 * Gives each direction for which there is a wish a program of this release that fulfils it; gives what became of
 * those, none where the Pod has ended. Throws where a limit on record is not in force, which only an ADD can mend.
 */
export function change(
  name: AttachmentName,
  wishes: (direction: Direction, inForce: Wish) => Wish | undefined,
  node: Node,
): Change[] {
  const key = attachmentKey(name);
  return withLock(key, node, () => {
    const record = readRecord(node.stateDirectory, name);
    if (record === undefined) return [];
    if (record.phase === 'attaching') throw new OperatorError('its last ADD did not come to its end');
    const ledger = new Ledger(node.stateDirectory, record);
    return DIRECTIONS.flatMap((direction) => {
      const plan = record.directions[direction];
      const wish = plan && wishes(direction, plan);
      if (plan === undefined || wish === undefined) return [];
      if (!isInForce(direction, record, plan, node))
        throw new OperatorError(`its ${direction} limit is not in force; \`natra status\` says why`);
      const isChanged = swap(direction, withWish(plan, wish), ledger, node);
      const what = isChanged ? 'changed where it is' : 'in force already';
      node.log(`${key}: ${direction} ${wish.rateBitsPerSecond} bits/s: ${what}`);
      return [{ direction, isChanged }];
    });
  });
}
