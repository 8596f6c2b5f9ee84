/** Quantities as a person reads them: three digits and a decimal prefix. */
import { printable } from '../printable.ts';

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P'];

/** `12.3M`; `unit` follows the prefix. */
export function quantity(value: number, unit = ''): string {
  let scaled = value;
  let prefix = 0;
  while (scaled >= 999.5 && prefix < PREFIXES.length - 1) {
    scaled /= 1000;
    prefix++;
  }
  const digits = prefix === 0 || scaled >= 99.95 ? 0 : 1;
  return `${scaled.toFixed(digits).replace(/\.0$/, '')}${PREFIXES[prefix]}${unit}`;
}

/** Nanoseconds as `2.05µs`, `33.6ms` or `1.07s`. */
export function duration(nanoseconds: number): string {
  const units = ['ns', 'µs', 'ms', 's'] as const;
  const unit = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(nanoseconds) / 3)));
  return `${Number((nanoseconds / 1000 ** unit).toPrecision(3))}${units[unit]}`;
}

/** A share between 0 and 1: `0`, `<0.01%`, `1.25%`. */
export function percentage(share: number): string {
  if (share === 0) return '0';
  return share < 0.0001 ? '<0.01%' : `${Number((share * 100).toFixed(2))}%`;
}

/**
 * Rows under their headings, two blanks apart; numbers to the right. The first row holds the headings. What no terminal shows as it
 * is comes as escapes.
 */
export function aligned(cells: readonly (readonly string[])[], rightFrom: number): string[] {
  const rows = cells.map((row) => row.map(printable));
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => [...(row[column] ?? '')].length)),
  );
  return rows.map((row) =>
    widths
      .map((width, column) => {
        const cell = row[column] ?? '';
        return column < rightFrom ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
