/** What registers hold in terms of the program: found by going back along the path to the instruction that set them. */
import type { ProgramImage, ValueName } from '../../dsl/object/image.ts';
import type { Visit } from './log.ts';

/** A path as visits, first to last. */
export type Path = readonly Visit[];

const CONTEXT = 'the context';
const STACK = 'the stack';

interface Written {
  readonly register: string;
  /** The register or stack slot that was copied, where the instruction does no more. */
  readonly from?: string;
}

/** The register that an instruction sets: `r2 = r1`, `w0 += 1`, `r0 = *(u32 *)(r10 -8)`, `call bpf_...`. */
function written(text: string): Written | undefined {
  if (/^call /.test(text)) return { register: 'R0' };
  const [, number, operator, source = ''] = /^[rw](\d+) (=|\S+=) (.*)$/.exec(text) ?? [];
  if (number === undefined) return undefined;
  const register = `R${number}`;
  if (operator !== '=') return { register };
  const copied = /^[rw](\d+)$/.exec(source)?.[1];
  if (copied !== undefined) return { register, from: `R${copied}` };
  const filled = /^\*\(u64 \*\)\(r10 -(\d+)\)$/.exec(source)?.[1];
  return filled === undefined ? { register } : { register, from: `fp-${filled}` };
}

/** The register that an instruction keeps in a stack slot. */
function spilled(text: string, place: string): string | undefined {
  const [, offset, number] = /^\*\(u64 \*\)\(r10 -(\d+)\) = r(\d+)$/.exec(text) ?? [];
  return offset !== undefined && `fp-${offset}` === place ? `R${number}` : undefined;
}

/** Registers that an instruction reads, the frame pointer aside; a helper's arguments are not in its text. */
export function registersRead(text: string): readonly string[] {
  const sources = text.replace(/^[rw]\d+ = /, '');
  const found = [...sources.matchAll(/\b[rw](\d+)\b/g)].map(([, number]) => `R${number}`);
  return [...new Set(found)].filter((register) => register !== 'R10');
}

/** A name that the compiler gave, and the visit that set the register to what it names. */
export interface Naming {
  readonly name: string;
  readonly register: string;
  /** Position in the path. */
  readonly at: number;
}

/** Where `name` stands in `line` as a whole, -1 where it doesn't. */
function placeIn(line: string, name: string): number {
  const word = /[\w$]/;
  for (let at = line.indexOf(name); at >= 0; at = line.indexOf(name, at + 1)) {
    const [before = '', after = ''] = [line[at - 1], line[at + name.length]];
    if (!(word.test(before) || before === '.') && !(word.test(after) && word.test(name.at(-1) ?? '')))
      return at;
  }
  return -1;
}

export class Names {
  private readonly bySlot: ReadonlyMap<number, ValueName>;

  constructor(image: ProgramImage) {
    this.bySlot = new Map((image.names ?? []).map((name) => [name.slot, name]));
  }

  /** The last value of each name that stands in `line`, in the order of the line; those of other frames aside. */
  within(path: Path, line: string): readonly Naming[] {
    const found = new Map<string, Naming>();
    const frame = path.at(-1)?.frame;
    for (let at = path.length - 2; at >= 0; at--) {
      const { slot, text, frame: own } = path[at] as Visit;
      const name = this.bySlot.get(slot)?.text;
      const register = written(text)?.register;
      if (name === undefined || register === undefined || own !== frame || found.has(name)) continue;
      if (placeIn(line, name) >= 0) found.set(name, { name, register, at });
    }
    return [...found.values()].sort((a, b) => placeIn(line, a.name) - placeIn(line, b.name));
  }

  /** Whether nothing has set the register since. */
  stillHolds(path: Path, { register, at }: Naming): boolean {
    const frame = path.at(-1)?.frame;
    return path.slice(at + 1, -1).every(({ text, frame: own }) => {
      if (own !== frame) return true;
      if (/^call /.test(text) && /^R[0-5]$/.test(register)) return false;
      return written(text)?.register !== register;
    });
  }

  /** What `register` holds right before the last visit; undefined where nothing on the path says. */
  of(path: Path, register: string): string | undefined {
    if (register === 'R10') return STACK;
    let place = register;
    let fallback: string | undefined;
    const last = path.at(-1);
    let frame = last?.frame ?? 0;
    for (let at = path.length - 2; at >= 0; at--) {
      const { slot, text, frame: own } = path[at] as Visit;
      if (own > frame) continue;
      if (own < frame) {
        // Into the caller, which set r1 to r5; what its own r6 to r9 and stack hold is not the callee's.
        if (!/^R[1-5]$/.test(place)) return fallback;
        frame = own;
        continue;
      }
      const name = this.bySlot.get(slot);
      const from = place.startsWith('fp') ? spilled(text, place) : undefined;
      if (from !== undefined) {
        place = from;
        continue;
      }
      const set = written(text);
      if (set?.register !== place) continue;
      if (name?.variable) return name.text;
      fallback ??= name?.text;
      if (set.from === undefined) return name?.text ?? fallback;
      if (set.from === 'R10') return STACK;
      place = set.from;
    }
    // r1 is the context where the program starts; a log whose head is lost starts elsewhere.
    return place === 'R1' && frame === 0 && path[0]?.slot === 0 ? CONTEXT : fallback;
  }
}
