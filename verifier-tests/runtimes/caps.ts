/** Whether measured rates are those of the caps. */
import { expect } from 'vitest';
import type { Rates } from './traffic.ts';

export const MEGABIT = 1_000_000;
/** A veth without a limit carries hundreds of megabits even through busybox: far more than any cap here. */
const FREE = 50 * MEGABIT;

/** Each direction at its cap in bits a second, or free where it has none. */
export function expectRates(rates: Rates, caps: { readonly [D in keyof Rates]?: number }): void {
  for (const direction of ['ingress', 'egress'] as const) {
    const cap = caps[direction];
    // The burst that natra chooses is a part of what a receiver gets in a few seconds.
    const { least, most } =
      cap === undefined ? { least: FREE, most: Infinity } : { least: 0.7 * cap, most: 1.25 * cap };
    expect(rates[direction], direction).toBeGreaterThan(least);
    expect(rates[direction], direction).toBeLessThan(most);
  }
}
