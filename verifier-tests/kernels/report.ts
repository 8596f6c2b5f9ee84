/** What a run inside a kernel tells: written as JSON by the guest, read by the host. */
import type { Direction } from '../../cni/config/bandwidth.ts';
import type { Pacing } from '../../cni/settings.ts';
import type { VerifierStatistics } from '../../loader/index.ts';

/** The kinds of Pod that a program is specialised for. */
export const PACINGS: readonly Pacing[] = ['edt', 'queue', 'police'];

/** A program as it is loaded for one kind of Pod. */
export interface ProgramFigures extends VerifierStatistics {
  readonly program: Direction;
  readonly pacing: Pacing;
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
  readonly checks: readonly Check[];
  /** False when the guest ended before its last check. */
  readonly complete: boolean;
}

/** Of the report in the shared folder. */
export const REPORT_FILE = 'report.json';
/** Of the recorded packets there (replay.ts). */
export const REPLAY_FILE = 'replay.json';
/** Of the object files there, by what they ask of the kernel. */
export const OBJECT_FILES = {
  '5.12': { ingress: 'ingress.o', egress: 'egress.o' },
  '5.10': { ingress: 'ingress-5.10.o', egress: 'egress-5.10.o' },
} as const;
