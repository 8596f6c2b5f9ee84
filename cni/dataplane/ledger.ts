/**
 * The record of an ADD at work: on disk before each change to the node, so that a process that dies in between
 * leaves nothing that its record does not name.
 */
import type { ClsactAttachment, Attachment as KernelAttachment, TcxAttachment } from '../../loader/index.ts';
import type { Direction } from '../config/bandwidth.ts';
import { type AttachmentRecord, type DirectionRecord, writeRecord } from '../state/records.ts';
import type { Layouts } from './layouts.ts';

/** The other attachments are qdiscs. */
export const attachesProgram = (made: KernelAttachment): made is TcxAttachment | ClsactAttachment =>
  made.mode === 'tcx' || made.mode === 'clsact';

export class Ledger {
  private current: AttachmentRecord;
  private readonly directory: string;

  constructor(directory: string, record: AttachmentRecord) {
    this.directory = directory;
    this.current = record;
    writeRecord(directory, record);
  }

  get record(): AttachmentRecord {
    return this.current;
  }

  /** Says what is to be made for a direction; `undefined` when all of it has been undone. */
  plan(direction: Direction, plan: DirectionRecord | undefined): void {
    this.write(this.with(direction, plan));
  }

  /** The same of a direction of which nothing is made yet: it comes to disk with the first thing that is announced. */
  intend(direction: Direction, plan: DirectionRecord): void {
    this.current = this.with(direction, plan);
  }

  private with(direction: Direction, plan: DirectionRecord | undefined): AttachmentRecord {
    const { [direction]: _, ...others } = this.current.directions;
    return { ...this.current, directions: plan === undefined ? others : { ...others, [direction]: plan } };
  }

  /** Says of a direction at work how its program lays out its memory: it comes to disk with what is announced next. */
  note(direction: Direction, layouts: Layouts): void {
    this.intend(direction, { ...this.planned(direction), layouts });
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
    const others = made.filter((each) => attachesProgram(each) !== attachesProgram(planned));
    this.amend(direction, { made: [...others, planned] });
  }

  complete(): void {
    this.end({ ...this.current, phase: 'attached' });
  }

  /** Says of the directions that are planned what another record says. */
  end(about: AttachmentRecord): void {
    this.write({ ...about, directions: this.current.directions });
  }

  private write(record: AttachmentRecord): void {
    this.current = record;
    writeRecord(this.directory, record);
  }
}
