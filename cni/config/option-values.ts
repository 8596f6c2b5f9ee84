/** The options of a limit by their names: how each is written, and the rule that a value has to keep. */
import { CniError, ERROR_CODES } from '../errors.ts';
import { parseQuantity } from './quantity.ts';
import { shown } from './shown.ts';
import { parseSubnet } from './subnets.ts';

/** What options may say; docs/options.md has them for people. Bits, bits a second and packets a second. */
export interface OptionValues {
  readonly ingressRate: number;
  readonly egressRate: number;
  readonly ingressBurst: number;
  readonly egressBurst: number;
  readonly ingressPacketRate: number;
  readonly egressPacketRate: number;
  /** Per cent. */
  readonly miceShare: number;
  readonly heavyThreshold: number;
  readonly ecn: 'on' | 'off';
  readonly edtPacing: 'auto' | 'on' | 'off';
  readonly excludedSubnets: readonly string[];
  readonly shapedSubnets: readonly string[];
}

export type OptionName = keyof OptionValues;
export type PartialOptions = { readonly [N in OptionName]?: OptionValues[N] };

/** Prefix of natra's annotations on a Pod: `natra.dev/egress-burst` is the option `egressBurst`. */
export const ANNOTATION_PREFIX = 'natra.dev/';

/** A quantity of at least and at most these. */
interface Amount {
  readonly kind: 'amount';
  readonly least: number;
  readonly most: number;
  readonly unit: string;
  readonly rule: string;
}

type Rule =
  | Amount
  | { readonly kind: 'share'; readonly least: number; readonly most: number }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'subnets' };

const amount = (least: number, most: number, unit: string, range: string): Amount => ({
  kind: 'amount',
  least,
  most,
  unit,
  rule: `a quantity of ${unit} from ${range}, such as 10M`,
});
const rate = amount(1e3, 1e15, 'bits a second', '1k to 1P');
const burst = amount(1, 1e15, 'bits', '1 to 1P');
const packets = amount(1, 1e8, 'packets a second', '1 to 100M');

export const RULES: { readonly [N in OptionName]: Rule } = {
  ingressRate: rate,
  egressRate: rate,
  ingressBurst: burst,
  egressBurst: burst,
  ingressPacketRate: packets,
  egressPacketRate: packets,
  miceShare: { kind: 'share', least: 10, most: 99 },
  heavyThreshold: amount(131_072, 1e15, 'bits', '131072 (16 KiB) to 1P'),
  ecn: { kind: 'choice', choices: ['on', 'off'] },
  edtPacing: { kind: 'choice', choices: ['auto', 'on', 'off'] },
  excludedSubnets: { kind: 'subnets' },
  shapedSubnets: { kind: 'subnets' },
};

export const OPTION_NAMES = Object.keys(RULES) as readonly OptionName[];

/** `ingressPacketRate` as `natra.dev/ingress-packet-rate`. */
export const annotationOf = (name: OptionName): string =>
  ANNOTATION_PREFIX + name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Entries of the trie that the kernel program looks them up in (programs/exclusions.ts), less those of all addresses. */
export const MOST_SUBNETS = 254;

/** The value of one option; `source` names the field in errors. Throws code 7 naming field, value and rule. */
export function parseOption<N extends OptionName>(name: N, value: unknown, source: string): OptionValues[N] {
  // The table gives each name the rule of its type.
  return valueBy(RULES[name], value, source) as OptionValues[N];
}

function valueBy(rule: Rule, value: unknown, source: string): number | string | readonly string[] {
  switch (rule.kind) {
    case 'amount': {
      const parsed =
        typeof value === 'string' || typeof value === 'number' ? parseQuantity(String(value)) : undefined;
      if (parsed !== undefined && parsed >= rule.least && parsed <= rule.most) return parsed;
      throw invalid(source, value, rule.rule);
    }
    case 'share': {
      const match = typeof value === 'string' ? /^(\d{1,2}(?:\.\d+)?)%$/.exec(value) : null;
      const parsed = Number(match?.[1]);
      if (parsed >= rule.least && parsed <= rule.most) return parsed;
      throw invalid(source, value, `a share from ${rule.least}% to ${rule.most}%, such as 75%`);
    }
    case 'choice':
      if (typeof value === 'string' && rule.choices.includes(value)) return value;
      throw invalid(source, value, `one of ${rule.choices.join(', ')}`);
    case 'subnets':
      return subnets(value, source);
  }
}

/** A list in the configuration; separated by commas in an annotation. */
function subnets(value: unknown, source: string): readonly string[] {
  const list: readonly unknown[] | undefined = Array.isArray(value)
    ? value
    : typeof value === 'string'
      ? value.split(',').map((each) => each.trim())
      : undefined;
  const rule = 'CIDR blocks such as 10.0.0.0/8 or 2001:db8::/32';
  if (list === undefined) throw invalid(source, value, `a list of ${rule}`);
  if (list.length > MOST_SUBNETS)
    throw invalid(source, `${list.length} subnets`, `at most ${MOST_SUBNETS} ${rule}`);
  return list.map((each) => {
    if (typeof each === 'string' && parseSubnet(each) !== undefined) return each;
    throw invalid(source, each, rule);
  });
}

export function invalid(source: string, value: unknown, rule: string): CniError {
  return new CniError(
    ERROR_CODES.invalidConfiguration,
    `invalid ${source}`,
    `${source} is ${shown(value)}: it must be ${rule}`,
  );
}
