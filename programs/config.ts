/**
 * The limit of one direction of one Pod, as `.rodata`: fixed when the program is loaded. User space computes it
 * (cni/settings.ts). Times are nanoseconds; "per byte" factors are scaled by 2^20.
 */
import { settings, struct, u32, u64 } from '../dsl/lang/index.ts';

export const config = settings(
  struct({
    /** Time that one byte takes at the cap C: 1e9 * 2^20 / C. */
    nsPerByte: u64,
    /** The same at the drain of one sketch cell, C / 16. */
    cellNsPerByte: u64,
    /** T: the level, ns of a cell's drain, above which a flow is heavy; below 2^37. */
    heavyLevel: u64,
    /** A flow goes over from a mouse's delay to a heavy one's in the last 2^this ns before T; 10 to 31. */
    handOverShift: u64,
    /** 2^10 times the share of C that is the mice's at most, and 2^10 over that share. */
    mouseShare: u64,
    mouseStretch: u64,
    /** B: how far the bucket's clock may lag: unused time that is kept as credit. */
    credit: u64,
    /** Unused time that mice keep for themselves. */
    mouseCredit: u64,
    /** D: departure delay beyond which a heavy flow's packet is dropped. */
    heavyHorizon: u64,
    /** The same for mice. */
    mouseHorizon: u64,
    /** How much later than due a packet leaves at most, of a heavy flow that has more than others; 0 but with departure times. */
    mostLate: u64,
    /** Debt beyond which ARP and neighbour discovery are dropped; further than anything else may bring it. */
    vitalHorizon: u64,
    /** K1: delay at which marking begins. */
    rampStart: u64,
    /** W: the ramp is 2^W ns long. */
    rampShift: u64,
    /** So much later than marks begin the drops of packets that can't be marked. */
    dropAfter: u64,
    /** The congestion shift grows while mice owe more than this. */
    congested: u64,
    /** Bound of the congestion shift, in 1/256 of a doubling. */
    shiftLimit: u64,
    /** Of the flow hash. */
    seed: u64,
    /** Time that one packet takes at the packet-rate cap, times 2^10; 0 where there is none. */
    nsPerPacket: u64,
    /** Unused time that is kept as credit for packets. */
    packetCredit: u64,
    /** What holds packets back: POLICE, DEPARTURE_TIMES or CLASSES. */
    pacing: u32,
    /** With CLASSES: the HTB class of mice, and of heavy flows. */
    mouseClass: u32,
    heavyClass: u32,
    /** Whether packets that allow it are marked CE in place of a drop; 0 or 1. */
    ecn: u32,
    /** The end of a packet that excluded subnets are looked for (exclusions.ts): NEITHER, SOURCE or DESTINATION. */
    exclusions: u32,
    /** 1: VLAN tags are not followed; what is behind one is keyed by the tag's EtherType. 0 follows two. */
    untagged: u32,
    /** 1: IPv6 is not read: keyed by its EtherType, never marked. 0 reads both versions of IP. */
    ipv4Only: u32,
  }),
);

/** No subnets are excluded. */
export const NEITHER = 0;
/** The end that is not the Pod: of what it receives the source, of what it sends the destination. */
export const SOURCE = 1;
export const DESTINATION = 2;

/** Nothing behind the hook holds packets: they pass or are dropped. */
export const POLICE = 0;
/** An fq qdisc behind the hook holds each packet until its `tstamp`. */
export const DEPARTURE_TIMES = 1;
/** An HTB qdisc behind the hook holds heavy flows in the class that `priority` names. */
export const CLASSES = 2;
