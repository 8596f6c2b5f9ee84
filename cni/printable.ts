/** Text from outside in what a terminal shows. */

/** Ranges of code points: control characters (C0; DEL and C1), marks and overrides of the direction of writing, line separators. */
const UNPRINTABLE: readonly (readonly [first: number, last: number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0x61c, 0x61c],
  [0x200e, 0x200f],
  [0x2028, 0x202e],
  [0x2066, 0x2069],
];

/** With such characters as escapes, `\x1b` or `\u202e`: a name must not clear the screen, or pass for a line of its own. */
export const printable = (text: string): string => Array.from(text, shownAs).join('');

function shownAs(character: string): string {
  const code = character.charCodeAt(0);
  if (!UNPRINTABLE.some(([first, last]) => first <= code && code <= last)) return character;
  const digits = code.toString(16);
  return code < 0x100 ? `\\x${digits.padStart(2, '0')}` : `\\u${digits.padStart(4, '0')}`;
}
