/** `9.98 Mbit/s`, `10 Mbit/s`: three significant digits at most. */
export function formatRate(bitsPerSecond: number): string {
  const units = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'];
  return scaled(bitsPerSecond, 1000, units);
}

/** `250 kB` */
export function formatBytes(bytes: number): string {
  return scaled(bytes, 1000, ['B', 'kB', 'MB', 'GB']);
}

/** `0.27 ms`, `1.05 s`; requests that never came back show as `never`. */
export function formatSeconds(seconds: number | undefined): string {
  if (seconds === undefined) return '-';
  if (seconds === Number.POSITIVE_INFINITY) return 'never';
  if (seconds >= 1) return `${seconds.toFixed(2)} s`;
  const milliseconds = seconds * 1000;
  return `${milliseconds < 10 ? milliseconds.toFixed(2) : milliseconds.toFixed(0)} ms`;
}

/** `98.7%` */
export function formatShare(share: number | undefined): string {
  return share === undefined ? '-' : `${(share * 100).toFixed(1)}%`;
}

/** `12,345` */
export function formatCount(count: number): string {
  return count.toLocaleString('en');
}

function scaled(value: number, step: number, units: readonly string[]): string {
  let index = 0;
  let shown = value;
  while (Math.abs(shown) >= step && index < units.length - 1) {
    shown /= step;
    index++;
  }
  const digits = index === 0 || shown >= 100 ? 0 : shown >= 10 ? 1 : 2;
  return `${Number(shown.toFixed(digits))} ${units[index]}`;
}
