/** Gives the queue of a limit in force, fq or HTB's classes, what another limit asks of it. */
import { attachFq, attachHtb, changeHtb, htbRates, targetOf } from '../../loader/index.ts';
import { bytesPerSecondOf } from '../limit.ts';
import { GSO_PACKET_BYTES } from '../queue.ts';
import type { DirectionRecord } from '../state/records.ts';
import { fqOptions } from './fq.ts';
import { htbOptions } from './htb.ts';

/**
 * HTB's buckets keep the time that they owe, at any rate: those of a rate at which a packet takes longer are made anew, and what
 * little waits there is lost.
 */
const LONGEST_DEBT = 1_000_000_000n;
const NANOSECONDS_PER_SECOND = 1_000_000_000n;

/** In place, or made anew. Goes by what the kernel has: the record of a change that was killed says what was to be. */
export function changeQueue(plan: DirectionRecord): void {
  const qdisc = plan.made.find(({ mode }) => mode === 'fq' || mode === 'htb');
  if (qdisc === undefined) return;
  const target = targetOf(qdisc);
  if (qdisc.mode === 'fq') attachFq({ ...target, options: fqOptions(plan) });
  else {
    // A change that was killed has changed some of the classes; where making them anew failed, so are those before.
    const rates = htbRates(target);
    const isStuck =
      rates?.bounds.some(
        (rate) =>
          rate < bytesPerSecondOf(plan) && GSO_PACKET_BYTES * NANOSECONDS_PER_SECOND > LONGEST_DEBT * rate,
      ) ?? true;
    const change = isStuck ? attachHtb : changeHtb;
    change({ ...target, options: htbOptions(plan) });
  }
}
