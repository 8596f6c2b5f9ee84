/** Changes the limits of a running Pod where they are, without a packet in between that meets none. */
import { DIRECTIONS, type Direction } from '../config/bandwidth.ts';
import type { AttachmentName } from '../config/network.ts';
import { Ledger } from '../dataplane/ledger.ts';
import { isInForce, withWish } from '../dataplane/renew.ts';
import { swap } from '../dataplane/swap.ts';
import { OperatorError } from '../install/errors.ts';
import type { Node } from '../node.ts';
import { attachmentKey } from '../state/key.ts';
import { withLock } from '../state/lock.ts';
import { readRecord, type Wish } from '../state/records.ts';

/**
 * Gives each direction for which there is a wish a program of this release that fulfils it; the directions that were
 * changed, none where the Pod has ended. Throws where a limit on record is not in force, which only an ADD can mend.
 */
export function change(
  name: AttachmentName,
  wishes: (direction: Direction, inForce: Wish) => Wish | undefined,
  node: Node,
): Direction[] {
  const key = attachmentKey(name);
  return withLock(key, node, () => {
    const record = readRecord(node.stateDirectory, name);
    if (record === undefined) return [];
    if (record.phase === 'attaching') throw new OperatorError('its last ADD did not come to its end');
    const ledger = new Ledger(node.stateDirectory, record);
    return DIRECTIONS.filter((direction) => {
      const plan = record.directions[direction];
      const wish = plan && wishes(direction, plan);
      if (plan === undefined || wish === undefined) return false;
      if (!isInForce(direction, record, plan, node))
        throw new OperatorError(`its ${direction} limit is not in force; \`natra status\` says why`);
      swap(direction, withWish(plan, wish), ledger, node);
      node.log(`${key}: ${direction} changed to ${wish.rateBitsPerSecond} bits/s where it is`);
      return true;
    });
  });
}
