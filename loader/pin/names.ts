/** Names on bpffs, which refuses a dot in any of them (kernel/bpf/inode.c, bpf_lookup). */

/** Letters and digits stand for themselves, `_xx` for any other byte: no two texts share a name. */
export function escapeName(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9]/.test(character) ? character : `_${byte.toString(16).padStart(2, '0')}`;
  }).join('');
}

/** The text that `escapeName` made the name of. */
export function unescapeName(name: string): string {
  const bytes: number[] = [];
  for (const [, character, hex] of name.matchAll(/([A-Za-z0-9])|_([0-9a-f]{2})/g)) {
    bytes.push(hex === undefined ? (character?.charCodeAt(0) ?? 0) : Number.parseInt(hex, 16));
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/** Refuses what bpffs would refuse and what would lead out of its directory. */
export function checkPinName(name: string): void {
  if (name === '' || name.length > 255 || !/^[A-Za-z0-9_+=:,-]+$/.test(name)) {
    throw new Error(
      `use ${JSON.stringify(name)} as a pin directory: names hold 1 to 255 of A-Z a-z 0-9 _+=:,-`,
    );
  }
}
