/** The table of source lines. */
import type { SourceLine } from '../../object/image.ts';
import type { Span } from '../tree/tree.ts';

/** Collects lines as slots are emitted: one entry where the line changes, and one at each function's start. */
export class LineTable {
  private readonly lines: SourceLine[] = [];
  private readonly texts = new Map<string, readonly string[]>();
  private functionStart = false;
  private pendingSlot: number | undefined;

  constructor(private readonly sources: ReadonlyMap<string, string>) {}

  private text(span: Span): string {
    const lines = this.texts.get(span.file) ?? (this.sources.get(span.file) ?? '').split('\n');
    this.texts.set(span.file, lines);
    return lines[span.line - 1] ?? '';
  }

  startFunction(slot: number): void {
    this.functionStart = true;
    this.pendingSlot = slot;
  }

  /** An instruction without a span belongs to the line before it; at a function's start, to the line after. */
  add(slot: number, span: Span | undefined): void {
    if (!span) return;
    const last = this.lines.at(-1);
    const at = this.pendingSlot ?? slot;
    if (!this.functionStart && last && last.file === span.file && last.line === span.line) return;
    this.functionStart = false;
    this.pendingSlot = undefined;
    const { file, line, column } = span;
    this.lines.push({ slot: at, file, line, column, text: this.text(span) });
  }

  /** A function without any span gets the last line known: the kernel wants a line at each function's start. */
  endFunction(): void {
    const last = this.lines.at(-1);
    if (this.pendingSlot !== undefined && last) this.lines.push({ ...last, slot: this.pendingSlot });
    this.functionStart = false;
    this.pendingSlot = undefined;
  }

  finish(): readonly SourceLine[] {
    return this.lines[0]?.slot === 0 ? this.lines : [];
  }
}
