/** The limit of one direction of a Pod, with its options; see docs/options.md. */

/**
 * What holds packets back: departure times with an fq qdisc behind the hook; the classes of an HTB qdisc there; or a
 * policer without any queue.
 */
export type Pacing = 'edt' | 'queue' | 'police';

/** An option that is absent has the value that natra chooses. */
export interface Limit {
  /** 1,000 to 10^15. */
  readonly rateBitsPerSecond: number;
  /** Most that may pass at once, above the rate. */
  readonly burstBits?: number | undefined;
  /** 1 to 10^8; absent: no cap. */
  readonly packetsPerSecond?: number | undefined;
  /** Share of the rate that mice have at most while heavy flows wait, 10 to 99. */
  readonly miceSharePercent?: number | undefined;
  /** What a flow may send beyond its fair drain, 1/16 of the rate, before it counts as heavy. */
  readonly heavyThresholdBits?: number | undefined;
  /** Whether packets that allow it are marked CE in place of a drop. */
  readonly ecn?: boolean | undefined;
  /** CIDR blocks of the other end whose traffic is not limited. */
  readonly excludedSubnets?: readonly string[] | undefined;
  /** Where there are any, CIDR blocks of the other end outside which traffic is not limited. */
  readonly shapedSubnets?: readonly string[] | undefined;
}

/** What packets the parser need not understand, by the operator's word; each makes a shorter program. */
export interface Parsing {
  /** `off`: what is behind a VLAN tag is one flow. */
  readonly vlanTags?: 'on' | 'off' | undefined;
  /** `ipv4`: all IPv6 is one flow. */
  readonly ipFamilies?: 'dual' | 'ipv4' | undefined;
}

export interface PacedLimit extends Limit, Parsing {
  readonly pacing: Pacing;
}

export const DEFAULT_MICE_SHARE_PERCENT = 87.5;

const NANOSECONDS_PER_SECOND = 1_000_000_000n;

/** C. */
export const bytesPerSecondOf = ({ rateBitsPerSecond }: Pick<Limit, 'rateBitsPerSecond'>): bigint =>
  BigInt(Math.round(rateBitsPerSecond)) / 8n;

/** The stated burst, if any. */
export const burstBytesOf = ({ burstBits }: Pick<Limit, 'burstBits'>): bigint | undefined =>
  burstBits === undefined ? undefined : BigInt(Math.ceil(burstBits / 8));

/** Time that `bytes` take at the rate, ns. */
export const timeOf = (limit: Limit, bytes: bigint): bigint =>
  (bytes * NANOSECONDS_PER_SECOND) / bytesPerSecondOf(limit);

/** What passes in `time` ns at the rate. */
export const bytesIn = (limit: Limit, time: bigint): bigint =>
  (time * bytesPerSecondOf(limit)) / NANOSECONDS_PER_SECOND;

/** 2^10 times the mice's share, and 2^10 over it. */
export function miceScales({ miceSharePercent = DEFAULT_MICE_SHARE_PERCENT }: Limit): {
  readonly share: bigint;
  readonly stretch: bigint;
} {
  return {
    share: BigInt(Math.round(1024 * (miceSharePercent / 100))),
    stretch: BigInt(Math.ceil((1024 * 100) / miceSharePercent)),
  };
}
