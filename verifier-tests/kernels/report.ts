/** What a run inside a kernel is told and what it tells: JSON files in the shared folder. */
import type { Direction } from '../../cni/config/bandwidth.ts';
import type { Pacing } from '../../cni/settings.ts';
import type { VerifierStatistics } from '../../loader/index.ts';

/** What a guest can be asked to check, in this order. */
export const PARTS = [
  'programs',
  'attaching',
  'packets',
  'instructions',
  'random programs',
  'traffic',
  'soak',
] as const;
export type Part = (typeof PARTS)[number];

export interface GuestPlan {
  readonly parts: readonly Part[];
  /** `short`: a share of the classes, cases and scenarios. */
  readonly depth: 'whole' | 'short';
  /** Time passes by executed instructions, and idle time is skipped. */
  readonly virtualTime: boolean;
  readonly soakSeconds: number;
}

/** A program as it is loaded for one class of Pod. */
export interface ProgramFigures extends VerifierStatistics {
  /** Both directions where their bytecode is the same. */
  readonly program: Direction | 'both';
  /** Of classes.ts. */
  readonly class: string;
  readonly translatedBytes: number;
  readonly jitedBytes: number;
}

/** Live TCP traffic through one limited direction, in the VM's virtual time. */
export interface TrafficFigures {
  readonly direction: Direction;
  readonly rateBitsPerSecond: number;
  /** How the program was attached, and what held packets back. */
  readonly mode: string;
  readonly pacing: Pacing;
  /** Whether both ends' TCP uses ECN. */
  readonly ecn: boolean;
  /** Goodput of elephant and mice over what the cap leaves to full segments. */
  readonly shareOfCap: number;
  /** All bytes on the wire to the receiver over the cap, in the same time. */
  readonly wireShare: number;
  /** Bytes on the wire in the fullest second, over cap and burst. */
  readonly fullestOverAllowed: number;
  readonly retransmitted: number;
  /** Segments that reached the receiver before an earlier one. */
  readonly outOfOrder: number;
  readonly mice: number;
  readonly failedMice: number;
  /** Latency of fresh 10 KB requests beside the elephant, ms. */
  readonly mouseP50: number;
  readonly mouseP99: number;
  /** For how long at most the one process that is both ends of the traffic could attend to nothing new, ms. */
  readonly longestBusy: number;
}

/** What lay in the kernel at one moment of a soak, with no Pod limited. */
export interface SoakSample {
  readonly seconds: number;
  /** Pods that have come and gone so far. */
  readonly pods: number;
  /** By name: memory in KiB, the rest in objects. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface Check {
  readonly name: string;
  readonly outcome: 'passed' | 'failed';
  /** What was seen, or what is wrong. */
  readonly details: string;
}

export interface Report {
  readonly release: string;
  /** Features by name. */
  readonly features: Readonly<Record<string, boolean>>;
  readonly programs: readonly ProgramFigures[];
  readonly traffic: readonly TrafficFigures[];
  readonly soak: readonly SoakSample[];
  readonly checks: readonly Check[];
  /** False when the guest ended before its last check. */
  readonly complete: boolean;
}

/** Of the plan in the shared folder. */
export const PLAN_FILE = 'plan.json';
/** Of the report there. */
export const REPORT_FILE = 'report.json';
/** Of the recorded packets there (replay.ts), and of the random programs (random-programs.ts). */
export const REPLAY_FILE = 'replay.json';
export const RANDOM_PROGRAMS_FILE = 'random-programs.json';
/** Of the published conformance vectors there; absent where the project hasn't got them beside it. */
export const VECTORS_FILE = 'vectors.json';
/** How many random programs a whole run takes; a short one takes the first of them. */
export const RANDOM_PROGRAMS = { whole: 150, short: 30 } as const;
/** Of captured CNI calls there. */
export const FIXTURES = 'fixtures';
/** Of the object files there, by what they ask of the kernel. */
export const OBJECT_FILES = { '5.12': 'limit.o', '5.10': 'limit-5.10.o' } as const;
/** Of the same, prepared for loading. */
export const PREPARED_FILES = { '5.12': 'limit.prepared', '5.10': 'limit-5.10.prepared' } as const;

/** Two reports on one kernel, of different parts, as one. */
export function merged(first: Report, second: Report): Report {
  return {
    release: first.release,
    features: { ...first.features, ...second.features },
    programs: [...first.programs, ...second.programs],
    traffic: [...first.traffic, ...second.traffic],
    soak: [...first.soak, ...second.soak],
    checks: [...first.checks, ...second.checks],
    complete: first.complete && second.complete,
  };
}
