/** CIDR blocks, and addresses that stand for themselves alone, of both versions of IP. */

export interface Subnet {
  /** 16 bytes in network order; IPv4 addresses as IPv6 maps them, ::ffff:a.b.c.d (RFC 4291, section 2.5.5.2). */
  readonly address: readonly number[];
  /** Of the 128. */
  readonly prefixLength: number;
}

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] as const;

/** Undefined for what is neither. Bits behind the prefix don't count. */
export function parseSubnet(text: string): Subnet | undefined {
  const [address = '', prefix, ...more] = text.split('/');
  if (more.length > 0 || (prefix !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(prefix))) return undefined;
  const v4 = parseIPv4(address);
  const bytes = v4 === undefined ? parseIPv6(address) : [...MAPPED, ...v4];
  if (bytes === undefined) return undefined;
  const bits = v4 === undefined ? 128 : 32;
  const length = prefix === undefined ? bits : Number(prefix);
  return length > bits ? undefined : { address: bytes, prefixLength: length + 128 - bits };
}

function parseIPv4(text: string): number[] | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  const parts = match.slice(1);
  const isByte = (part: string): boolean => Number(part) <= 255 && String(Number(part)) === part;
  return parts.every(isByte) ? parts.map(Number) : undefined;
}

function parseIPv6(text: string): number[] | undefined {
  const halves = text.split('::').map((half) => (half === '' ? [] : half.split(':')));
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => bytesOf(half, index === halves.length - 1));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 16 - head.length - (tail?.length ?? 0);
  // `::` stands for one group at least.
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...(tail ?? [])];
}

/** The bytes of groups; the very last of an address may be an IPv4 address. */
function bytesOf(groups: readonly string[], isEnd: boolean): number[] | undefined {
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    const v4 = isEnd && index === groups.length - 1 ? parseIPv4(group) : undefined;
    if (v4 !== undefined) bytes.push(...v4);
    else if (/^[0-9a-fA-F]{1,4}$/.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    } else return undefined;
  }
  return bytes;
}
