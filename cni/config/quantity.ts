/**
 * Kubernetes quantities (apimachinery, pkg/api/resource/quantity.go): a decimal number, then one of n u m k M G T P E,
 * Ki Mi Gi Ti Pi Ei, or an exponent of ten.
 */

const QUANTITY = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:([KMGTPE]i)|([numkMGTPE]?)|[eE]([+-]?\d+))$/;

const BINARY = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
/** Beyond it every quantity is out of all bounds; 10^1000000 need not be computed to see that. */
const MOST_EXPONENT = 60;

/**
 * The whole number that is no smaller, as Quantity.Value() has it; undefined for what is no quantity. Infinity stands
 * for what is beyond 10^60.
 */
export function parseQuantity(text: string): number | undefined {
  const match = QUANTITY.exec(text);
  if (match === null) return undefined;
  const [, sign, number = '', binary, decimal, exponent] = match;
  const [whole = '', fraction = ''] = number.split('.');
  const digits = BigInt(whole + fraction);
  const power = (exponent === undefined ? (DECIMAL[decimal ?? ''] ?? 0) : Number(exponent)) - fraction.length;
  if (digits === 0n) return 0;
  if (power > MOST_EXPONENT) return sign === '-' ? -Infinity : Infinity;
  const scaled = digits << (binary === undefined ? 0n : 10n * BigInt(BINARY.indexOf(binary) + 1));
  // Rounded away from zero, like the original; by more digits than there are, all that is not zero becomes one.
  const places = Math.min(-power, String(scaled).length);
  const value = power >= 0 ? scaled * 10n ** BigInt(power) : ceilDivide(scaled, 10n ** BigInt(places));
  return sign === '-' ? -Number(value) : Number(value);
}

const ceilDivide = (value: bigint, by: bigint): bigint => (value + by - 1n) / by;
