/** What the verifier knows of a value, in words: `scalar(umin=1,umax=8)` is "a number from 1 to 8". */

/** `kind(a=1,b)` of Linux 5.18 and later, `kind(id=0,umax_value=8)` and `invP8` of those before. */
interface Parts {
  readonly kind: string;
  readonly attributes: ReadonlyMap<string, string>;
}

const U64_MAX = (1n << 64n) - 1n;
const U32_MAX = (1n << 32n) - 1n;

/** Splits at commas outside parentheses; `smin=0,smax=umax=7` gives both names the one value. */
function attributesOf(text: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  for (const part of text.split(/,(?![^(]*\))/)) {
    const names = part.split('=');
    const value = names.pop() ?? '';
    for (const name of names) attributes.set(name.trim().replace(/_value$/, ''), value.trim());
  }
  return attributes;
}

function partsOf(state: string): Parts {
  const [, kind = state, inner = ''] = /^([^(]*)(?:\((.*)\))?$/s.exec(state) ?? [];
  return { kind, attributes: attributesOf(inner) };
}

const integer = (text: string | undefined): bigint | undefined => {
  if (text === undefined || !/^-?(0x[0-9a-f]+|\d+)$/.test(text)) return undefined;
  return text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
};

/** The largest number that a `(value; mask)` allows: every unknown bit set. */
function largestOf(tnum: string | undefined): bigint | undefined {
  const [, value, mask] = /^\((0x[0-9a-f]+|\d+); (0x[0-9a-f]+|\d+)\)$/.exec(tnum ?? '') ?? [];
  const [known, unknown] = [integer(value), integer(mask)];
  return known === undefined || unknown === undefined ? undefined : known | unknown;
}

function rangeOf(attributes: Parts['attributes']): string {
  const least = integer(attributes.get('umin')) ?? 0n;
  const [most = U64_MAX] = [integer(attributes.get('umax')), largestOf(attributes.get('var_off'))]
    .filter((each) => each !== undefined)
    .sort((a, b) => Number(a - b));
  if (most < U64_MAX || least > 0n) {
    if (least === most) return `${least}`;
    if (least === 0n && most === U32_MAX) return 'any 32-bit number';
    return most === U64_MAX ? `a number of at least ${least}` : `a number from ${least} to ${most}`;
  }
  const [low, high] = [integer(attributes.get('smin')), integer(attributes.get('smax'))];
  if (low !== undefined || high !== undefined)
    return `a number from ${low ?? -(1n << 63n)} to ${high ?? (1n << 63n) - 1n}`;
  return 'any number';
}

/** `2 bytes`, `1 byte`. */
const bytes = (count: string): string => `${count} byte${count === '1' ? '' : 's'}`;

/** Fixed and variable distance from where a pointer's memory starts. */
function offsetOf(attributes: Parts['attributes']): string {
  const fixed = integer(attributes.get('off')) ?? 0n;
  const varies = ['umax', 'smax', 'var_off'].some((name) => attributes.has(name));
  if (!varies) return fixed === 0n ? '' : ` + ${fixed}`;
  return `${fixed === 0n ? '' : ` + ${fixed}`} + ${rangeOf(attributes)}`;
}

function mapOf(attributes: Parts['attributes']): string {
  const name = attributes.get('map');
  const size = attributes.get('vs');
  if (name?.endsWith('.rodata')) return 'the settings';
  if (name !== undefined && /\.(bss|data)$/.test(name)) return 'the globals';
  return `an entry of ${name ?? 'a map'}${size === undefined ? '' : ` (${bytes(size)})`}`;
}

const POINTERS: Readonly<Record<string, (attributes: Parts['attributes']) => string>> = {
  ctx: () => 'the context',
  // How far the packet is known to go on (`r`) is left out: the log doesn't say when a comparison changes it.
  pkt: (attributes) => `the packet${offsetOf(attributes)}`,
  pkt_end: () => "the packet's end",
  map_value: (attributes) => `${mapOf(attributes)}${offsetOf(attributes)}`,
  map_value_or_null: (attributes) => `${mapOf(attributes)}, or undefined`,
  map_ptr: (attributes) => `the map${attributes.has('map') ? ` ${attributes.get('map')}` : ''}`,
  mem: (attributes) => `${bytes(attributes.get('sz') ?? '?')} of memory${offsetOf(attributes)}`,
  mem_or_null: () => 'memory, or undefined',
  alloc_mem: (attributes) => `a reservation${offsetOf(attributes)}`,
  ringbuf_mem: (attributes) => `a reservation${offsetOf(attributes)}`,
  alloc_mem_or_null: () => 'a reservation, or undefined',
  ringbuf_mem_or_null: () => 'a reservation, or undefined',
  fp: (attributes) => `the stack${offsetOf(new Map([...attributes, ['off', '0']]))}`,
};

/** Whether a state is a number's and no reference's. */
export const isNumber = (state: string): boolean => /^(P?scalar|inv|-?\d|0x|P-?\d)/.test(state);

/** A register's state in words; the verifier's own notation where there are none. */
export function describeState(state: string): string {
  if (/^-?(0x[0-9a-f]+|\d+)$/.test(state)) return `${integer(state)}`;
  const known = /^(?:P|inv|invP|scalarP)(-?\d+)$/.exec(state)?.[1];
  if (known !== undefined) return known;
  if (/^fp(\[\d+\])?-?\d*$/.test(state)) return 'the stack';
  const { kind, attributes } = partsOf(state);
  if (/^(P?scalar|inv|invP)$/.test(kind)) return rangeOf(attributes);
  return (
    POINTERS[kind.replace(/^(rdonly_|user_|untrusted_)/, '').replace(/\[\d+\]$/, '')]?.(attributes) ?? state
  );
}
