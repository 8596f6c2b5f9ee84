/** What became of a packet: the index of its counter. User space has the same list (cni/verdicts.ts). */

/** A small flow's packet, sent on at once. */
export const MOUSE = 0;
/** A heavy flow's packet that the bucket could pay for. */
export const PAID = 1;
/** Sent on to wait: until a departure time in the future, or in the class that holds such packets. */
export const PACED = 2;
/** Sent on with ECN CE. */
export const MARKED = 3;
/** Dropped early, by the ramp. */
export const DROPPED_EARLY = 4;
/** Dropped: over the horizon. */
export const DROPPED = 5;
/** Sent on without being charged: the other end is in an excluded subnet. */
export const EXCLUDED = 6;
export const VERDICTS = 7;
