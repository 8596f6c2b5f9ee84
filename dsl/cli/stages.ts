/** What `natra compile` can be asked for. */

export const STAGES = ['tree', 'ir', 'asm', 'object'] as const;
export type Stage = (typeof STAGES)[number];

export interface Wanted {
  readonly emit: Stage;
  /** Emit the IR as this pass left it, each time that it ran; `lower` is the IR before any pass. */
  readonly after?: string;
  /** Emit the IR as this pass found it, each time that it ran. */
  readonly before?: string;
}

/** Whether it shows the compiler at work, which only the thread that does the work can. */
export const isListing = ({ emit, before, after }: Wanted): boolean =>
  emit === 'tree' || emit === 'ir' || before !== undefined || after !== undefined;
