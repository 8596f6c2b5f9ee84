/**
 * The VM's address space: every stretch of memory that a program may touch is a region, and an address is a
 * region's tag in the high word and bytes from the region's start in the low word. Tags are even, so that a
 * pointer run below its region borrows into an odd tag, which nothing has: no arithmetic slips from one region
 * into another, and 0 is null.
 */
import type { ModelMap } from '../machine/maps.ts';

export interface Region {
  /** For errors: what it is. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly writable: boolean;
  /** The map whose descriptor this region stands for; it has no bytes. */
  readonly map: ModelMap | undefined;
  /** Why it is no longer valid, if it isn't. */
  dead: string | undefined;
}

/** What the verifier would have refused: an access outside live memory, or a value used as what it isn't. */
export class AccessError extends Error {}

export class AddressSpace {
  /** Index: tag / 2. */
  readonly #regions: (Region | undefined)[] = [undefined];
  readonly #tags = new Map<Uint8Array | ModelMap, number>();
  /** The keys of `#tags` in order, so that the youngest can be forgotten. */
  readonly #tagged: (Uint8Array | ModelMap)[] = [];
  /** Where the last `resolve` found its bytes. */
  view: DataView = new DataView(new ArrayBuffer(0));
  at = 0;

  /** Adds a region and gives its tag. */
  add(name: string, bytes: Uint8Array, writable = true, map?: ModelMap): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#regions.push({ name, bytes, view, writable, map, dead: undefined });
    return 2 * (this.#regions.length - 1);
  }

  /** The tag of this memory, which becomes a region when it isn't one yet. */
  tagOf(name: string, bytes: Uint8Array): number {
    let tag = this.#tags.get(bytes);
    if (tag === undefined) {
      tag = this.add(name, bytes);
      this.#remember(bytes, tag);
    }
    return tag;
  }

  /** The tag of a map's descriptor. */
  tagOfMap(map: ModelMap): number {
    let tag = this.#tags.get(map);
    if (tag === undefined) {
      tag = this.add(`the descriptor of map ${map.image.name}`, new Uint8Array(0), false, map);
      this.#remember(map, tag);
    }
    return tag;
  }

  /** From now on every access through `tag` fails with this reason. */
  kill(tag: number, reason: string): void {
    const region = this.#regions[tag >>> 1];
    if (region !== undefined) region.dead = reason;
  }

  revive(tag: number): void {
    const region = this.#regions[tag >>> 1];
    if (region !== undefined) region.dead = undefined;
  }

  /** How many regions there are: what `forget` takes back to. */
  mark(): number {
    return this.#regions.length;
  }

  /** Drops the regions added since `mark`: no pointer outlives the run that it was made in. */
  forget(mark: number): void {
    if (this.#regions.length === mark) return;
    this.#regions.length = mark;
    for (let of = this.#tagged.at(-1); of !== undefined; of = this.#tagged.at(-1)) {
      if ((this.#tags.get(of) ?? 0) >>> 1 < mark) return;
      this.#tags.delete(of);
      this.#tagged.pop();
    }
  }

  /** Finds `size` bytes at an address: sets `view` and `at`. */
  resolve(low: number, high: number, size: number, write: boolean): void {
    const region = (high & 1) === 0 ? this.#regions[high >>> 1] : undefined;
    const at = low >>> 0;
    if (
      region === undefined ||
      at + size > region.bytes.length ||
      region.dead !== undefined ||
      (write && !region.writable)
    ) {
      throw this.#fault(region, low, high, size, write);
    }
    this.view = region.view;
    this.at = at;
  }

  /** `size` bytes at an address as a view of the memory. */
  bytes(low: number, high: number, size: number, write: boolean): Uint8Array {
    this.resolve(low, high, size, write);
    const start = this.view.byteOffset + this.at;
    return new Uint8Array(this.view.buffer, start, size);
  }

  /** The map that a descriptor's address stands for. */
  map(low: number, high: number): ModelMap {
    const map = (high & 1) === 0 && low === 0 ? this.#regions[high >>> 1]?.map : undefined;
    if (map === undefined) throw new AccessError(`${hex(low, high)} is not a map`);
    return map;
  }

  /** The whole region that starts at an address: what a record's or a value's pointer stands for. */
  region(low: number, high: number): Uint8Array | undefined {
    return (high & 1) === 0 && low === 0 ? this.#regions[high >>> 1]?.bytes : undefined;
  }

  #remember(of: Uint8Array | ModelMap, tag: number): void {
    this.#tags.set(of, tag);
    this.#tagged.push(of);
  }

  #fault(region: Region | undefined, low: number, high: number, size: number, write: boolean): AccessError {
    const what = `${write ? 'write' : 'read'} ${size} byte${size === 1 ? '' : 's'} at ${hex(low, high)}`;
    if (region === undefined) {
      if (high === 0) return new AccessError(`${what}: no memory there, it is a number or null`);
      const below = (high & 1) === 1 ? this.#regions[(high + 1) >>> 1] : undefined;
      if (below === undefined) return new AccessError(`${what}: no memory there`);
      return new AccessError(`${what}: ${2 ** 32 - (low >>> 0)} bytes before ${below.name}`);
    }
    if (region.dead !== undefined) return new AccessError(`${what}: ${region.name}, ${region.dead}`);
    if (write && !region.writable) return new AccessError(`${what}: ${region.name} is read-only`);
    return new AccessError(
      `${what}: offset ${low >>> 0} of ${region.name}, which has ${region.bytes.length} bytes`,
    );
  }
}

/** An address as errors show it. */
export function hex(low: number, high: number): string {
  return `0x${(high >>> 0).toString(16)}_${(low >>> 0).toString(16).padStart(8, '0')}`;
}
