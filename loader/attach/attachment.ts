/** What an attachment leaves in the kernel, as plain data: enough to find and undo it from another process. */
import type { Direction } from '../netlink/filters.ts';

/** A device, as requests name it. */
export interface Target {
  readonly ifindex: number;
  /** Path of the device's network namespace; without one, the process's own. */
  readonly netns?: string;
}

/** A hook of a device. The direction is the device's: a host veth's ingress is what the Pod sends. */
export interface Hook extends Target {
  readonly direction: Direction;
}

/** Another network namespace, and the identity that tells whether the path still leads to it. */
export interface NetnsReference {
  readonly path: string;
  readonly identity: string;
}

export interface TcxAttachment {
  readonly mode: 'tcx';
  readonly ifindex: number;
  readonly direction: Direction;
  readonly netns?: NetnsReference;
  /** The link's pin. */
  readonly pinPath: string;
}

export interface ClsactAttachment {
  readonly mode: 'clsact';
  readonly ifindex: number;
  readonly direction: Direction;
  readonly netns?: NetnsReference;
  /** Name of the filter, by which it is found again. */
  readonly name: string;
  /** Whether natra made the clsact qdisc, and so may remove it once it is empty. */
  readonly madeQdisc: boolean;
}

export interface FqAttachment {
  readonly mode: 'fq';
  readonly ifindex: number;
  readonly netns?: NetnsReference;
}

export interface HtbAttachment {
  readonly mode: 'htb';
  readonly ifindex: number;
  readonly netns?: NetnsReference;
}

export type Attachment = TcxAttachment | ClsactAttachment | FqAttachment | HtbAttachment;

/** The device of an attachment. */
export const targetOf = ({ ifindex, netns }: Attachment): Target => ({
  ifindex,
  ...(netns && { netns: netns.path }),
});

/**
 * Called with what is about to be made, before it is made: whoever stores it can undo it after a crash.
 * May be called again with the same hook when the plan changes.
 */
export type Journal = (planned: Attachment) => void;
