/**
 * The record of an ADD at work: on disk before each change to the node, so that a process that dies in between
 * leaves nothing that its record does not name. It may name what is gone or was never made, which to release is no harm: so
 * it is written no sooner than something comes that the one on disk does not name.
 */
import type { ClsactAttachment, Attachment as KernelAttachment, TcxAttachment } from '../../loader/index.ts';
import type { Direction } from '../config/bandwidth.ts';
import { isSameJson } from '../config/json.ts';
import { type AttachmentRecord, type DirectionRecord, writeRecord } from '../state/records.ts';

export type ProgramAttachment = TcxAttachment | ClsactAttachment;

/** The other attachments are qdiscs. */
export const attachesProgram = (made: KernelAttachment): made is ProgramAttachment =>
  made.mode === 'tcx' || made.mode === 'clsact';

export class Ledger {
  private current: AttachmentRecord;
  private readonly directory: string;
  /** Whether there is a file of it, and whether that says the same. */
  private isOpen = false;
  private isOnDisk = false;

  constructor(directory: string, record: AttachmentRecord) {
    this.directory = directory;
    this.current = record;
    // Whoever reads of limits in force has to hear that they are being changed.
    if (Object.keys(record.directions).length > 0) this.write();
  }

  get record(): AttachmentRecord {
    return this.current;
  }

  /** Says what is made for a direction. */
  plan(direction: Direction, plan: DirectionRecord): void {
    this.intend(direction, plan);
    this.write();
  }

  /** The same of a direction of which nothing is made yet: it comes to disk with the first thing that is announced. */
  intend(direction: Direction, plan: DirectionRecord): void {
    this.become({ ...this.current, directions: { ...this.current.directions, [direction]: plan } });
  }

  /** Says that all has been undone that was made for a direction. */
  drop(direction: Direction): void {
    const { [direction]: _, ...directions } = this.current.directions;
    this.become({ ...this.current, directions });
  }

  /** Says more of a direction that is planned, with what is announced next. */
  note(direction: Direction, more: Partial<DirectionRecord>): void {
    this.intend(direction, { ...this.planned(direction), ...more });
  }

  /** Says more of a direction that is planned. */
  amend(direction: Direction, more: Partial<DirectionRecord>): void {
    this.plan(direction, { ...this.planned(direction), ...more });
  }

  private planned(direction: Direction): DirectionRecord {
    const plan = this.current.directions[direction];
    if (plan === undefined) throw new Error(`record more of ${direction}: nothing is planned there`);
    return plan;
  }

  /**
   * Adds to a direction what is about to be made. A program is attached once: one that is announced replaces one
   * announced before it, which the kernel refused.
   */
  journal(direction: Direction, planned: KernelAttachment): void {
    const { made } = this.planned(direction);
    const isNamed = made.some((each) => isSameJson(each, planned));
    if (isNamed && this.isOnDisk) return;
    const others = made.filter((each) => attachesProgram(each) !== attachesProgram(planned));
    this.amend(direction, { made: attachesProgram(planned) ? [...others, planned] : [planned, ...others] });
  }

  /** Sees that there is a file before anything is made by which the attachment's name is found. */
  open(): void {
    if (!this.isOpen) this.write();
  }

  complete(): void {
    this.end({ ...this.current, phase: 'attached' });
  }

  /** Says of the directions that are planned what another record says. */
  end(about: AttachmentRecord): void {
    this.become({ ...about, directions: this.current.directions });
    this.write();
  }

  private become(record: AttachmentRecord): void {
    this.current = record;
    this.isOnDisk = false;
  }

  private write(): void {
    writeRecord(this.directory, this.current);
    this.isOpen = true;
    this.isOnDisk = true;
  }
}
