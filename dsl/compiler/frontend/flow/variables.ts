/** What is known of variables, as a map that is never changed: one that differs in a variable shares the rest with it. */
import type { Variable } from '../../tree/tree.ts';
import type { Abstract } from './values.ts';

interface Entry {
  readonly variable: Variable;
  readonly value: Abstract;
}

/** Variables whose numbers differ in these bits alone lie in one chunk, which is copied when one of them is set. */
const BITS = 5;
const PLACES = 1 << BITS;

type Chunk = readonly (Entry | undefined)[];

export class Variables {
  static readonly NONE = new Variables([]);

  private constructor(private readonly chunks: readonly (Chunk | undefined)[]) {}

  get({ id }: Variable): Abstract | undefined {
    return this.chunks[id >> BITS]?.[id & (PLACES - 1)]?.value;
  }

  with(variable: Variable, value: Abstract): Variables {
    const at = variable.id >> BITS;
    const chunk = this.chunks[at]?.slice() ?? new Array<Entry | undefined>(PLACES).fill(undefined);
    chunk[variable.id & (PLACES - 1)] = { variable, value };
    const chunks = this.chunks.slice();
    while (chunks.length < at) chunks.push(undefined);
    chunks[at] = chunk;
    return new Variables(chunks);
  }

  /** With other values of the same variables. */
  mapped(change: (value: Abstract, variable: Variable) => Abstract): Variables {
    const changed = (entry: Entry | undefined): Entry | undefined => {
      if (entry === undefined) return undefined;
      const value = change(entry.value, entry.variable);
      return value === entry.value ? entry : { variable: entry.variable, value };
    };
    return new Variables(this.chunks.map((chunk) => chunk?.map(changed)));
  }

  /** The variables that both have, with what `join` makes of their values, which is the value itself where they are one. */
  joined(other: Variables, join: (own: Abstract, other: Abstract) => Abstract): Variables {
    const both = (own: Chunk | undefined, others: Chunk | undefined): Chunk | undefined => {
      if (own === others || own === undefined || others === undefined) return own && others;
      return own.map((entry, place) => {
        const second = others[place];
        if (entry === undefined || second === undefined || entry === second) return entry && second;
        return { variable: entry.variable, value: join(entry.value, second.value) };
      });
    };
    return new Variables(this.chunks.map((chunk, at) => both(chunk, other.chunks[at])));
  }

  /** Whether something holds for the values of all variables that both have. */
  everyInBoth(other: Variables, holds: (own: Abstract, other: Abstract) => boolean): boolean {
    return this.chunks.every((chunk, at) => {
      const others = other.chunks[at];
      if (chunk === undefined || others === undefined || chunk === others) return true;
      return chunk.every((entry, place) => {
        const second = others[place];
        return entry === second || !entry || !second || holds(entry.value, second.value);
      });
    });
  }
}
