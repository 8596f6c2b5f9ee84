/** What belongs to the blocks of a function, by their ids: small numbers, which an array finds much faster than a Map. */
import type { IrFunction } from './ir.ts';

export class ByBlock<T> {
  private readonly items: (T | undefined)[];

  /** Empty, with room for the blocks of `fn`. */
  constructor(fn: IrFunction) {
    let last = -1;
    for (const { id } of fn.blocks) if (id > last) last = id;
    this.items = new Array<T | undefined>(last + 1).fill(undefined);
  }

  get(id: number): T | undefined {
    return this.items[id];
  }

  set(id: number, item: T): void {
    this.items[id] = item;
  }
}

/** As it is handed out. */
export type ReadonlyByBlock<T> = Pick<ByBlock<T>, 'get'>;
