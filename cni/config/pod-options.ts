/**
 * The options of one Pod: its own, by annotation; then those of its namespace and of the node, from the plugin's
 * configuration. The operator says there which options Pods may set, and within which bounds.
 */
import { CniError, ERROR_CODES } from '../errors.ts';
import { field, isObject, type JsonObject } from './json.ts';
import {
  ANNOTATION_PREFIX,
  annotationOf,
  invalid,
  OPTION_NAMES,
  type OptionName,
  type PartialOptions,
  parseOption,
  RULES,
} from './option-values.ts';
import { shown, shownName } from './shown.ts';

/** The capability by which containerd and CRI-O hand a Pod's annotations on. */
const ANNOTATIONS = 'io.kubernetes.cri.pod-annotations';

/** Of these a Pod has none by annotation: rates have annotations of Kubernetes' own. */
const NOT_BY_ANNOTATION: ReadonlySet<OptionName> = new Set(['ingressRate', 'egressRate', 'shapedSubnets']);

export interface PodOptions {
  /** By the Pod's annotations. */
  readonly own: PartialOptions;
  /** Of its namespace and, where that says nothing, of the node. */
  readonly defaults: PartialOptions;
  /** What was asked for and is not followed, in words. */
  readonly notes: readonly string[];
  /** Throws code 7 where a value, the Pod's own, is out of the operator's bounds. */
  readonly requireWithin: (name: OptionName, value: number, source: string) => void;
}

/** Throws code 7 for what is malformed or out of bounds. */
export function parsePodOptions(configuration: JsonObject, namespace: string | undefined): PodOptions {
  const allowed = allowedOptions(configuration);
  const bounds = boundsIn(configuration);
  const requireWithin = (name: OptionName, value: number, source: string): void => {
    const { min, max } = bounds[name] ?? {};
    if ((min === undefined || value >= min) && (max === undefined || value <= max)) return;
    const range = [
      ...(min === undefined ? [] : [`at least ${min}`]),
      ...(max === undefined ? [] : [`at most ${max}`]),
    ];
    throw invalid(source, value, `${range.join(' and ')} on this node (bounds.${name})`);
  };
  const { own, notes } = annotated(configuration, allowed);
  for (const name of OPTION_NAMES) {
    const value = own[name];
    if (typeof value === 'number') requireWithin(name, value, annotationOf(name));
  }
  return { own, defaults: defaultsIn(configuration, namespace), notes, requireWithin };
}

/** `defaults`, and over them those of `namespaces` for this one; upstream's names for excluded subnets as well. */
function defaultsIn(configuration: JsonObject, namespace: string | undefined): PartialOptions {
  const namespaces = configuration.namespaces ?? {};
  if (!isObject(namespaces)) throw invalid('namespaces', namespaces, 'an object of options by namespace');
  const ofNamespaces = Object.entries(namespaces).map(
    ([name, options]) => [name, optionsIn(`namespaces.${shownName(name)}`, options)] as const,
  );
  const { unshapedSubnets, shapedSubnets } = configuration;
  const asUpstream: PartialOptions = {
    ...(unshapedSubnets !== undefined && {
      excludedSubnets: parseOption('excludedSubnets', unshapedSubnets, 'unshapedSubnets'),
    }),
    ...(shapedSubnets !== undefined && {
      shapedSubnets: parseOption('shapedSubnets', shapedSubnets, 'shapedSubnets'),
    }),
  };
  return {
    ...asUpstream,
    ...optionsIn('defaults', configuration.defaults ?? {}),
    ...ofNamespaces.find(([name]) => name === namespace)?.[1],
  };
}

function optionsIn(path: string, object: unknown): PartialOptions {
  if (!isObject(object)) throw invalid(path, object, 'an object of options');
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => {
      const name = nameOf(key, `${path}.${shownName(key)}`);
      return [name, parseOption(name, value, `${path}.${name}`)];
    }),
  );
}

function nameOf(key: unknown, source: string): OptionName {
  const name = OPTION_NAMES.find((each) => each === key);
  if (name !== undefined) return name;
  throw new CniError(
    ERROR_CODES.invalidConfiguration,
    `unknown option ${source}`,
    `${source} is no option of natra: ${OPTION_NAMES.join(', ')} are`,
  );
}

/** `podOptions`: the options that Pods may set themselves; absent, all of them. */
function allowedOptions({ podOptions }: JsonObject): ReadonlySet<OptionName> {
  if (podOptions === undefined) return new Set(OPTION_NAMES);
  if (!Array.isArray(podOptions)) throw invalid('podOptions', podOptions, 'a list of names of options');
  return new Set(podOptions.map((each) => nameOf(each, `podOptions entry ${shown(each)}`)));
}

interface Range {
  readonly min?: number;
  readonly max?: number;
}

/** `bounds`: the least and the most that a Pod may ask for, by option. */
function boundsIn({ bounds = {} }: JsonObject): { readonly [N in OptionName]?: Range } {
  if (!isObject(bounds)) throw invalid('bounds', bounds, 'an object of { "min", "max" } by option');
  return Object.fromEntries(
    Object.entries(bounds).map(([key, range]) => {
      const name = nameOf(key, `bounds.${shownName(key)}`);
      const kind = RULES[name].kind;
      if (!isObject(range) || (kind !== 'amount' && kind !== 'share'))
        throw invalid(`bounds.${name}`, range, 'an object { "min", "max" } of an option that is an amount');
      const ends = Object.entries(range).map(([end, value]) => {
        if (end !== 'min' && end !== 'max')
          throw invalid(`bounds.${name}`, range, 'an object of min and max alone');
        return [end, parseOption(name, value, `bounds.${name}.${end}`)];
      });
      const { min = 0, max = Number.POSITIVE_INFINITY }: Range = Object.fromEntries(ends);
      if (min > max) throw invalid(`bounds.${name}`, range, 'a min that is at most its max');
      return [name, Object.fromEntries(ends)];
    }),
  );
}

/** The options that the Pod's annotations set. */
function annotated(
  configuration: JsonObject,
  allowed: ReadonlySet<OptionName>,
): { own: PartialOptions; notes: string[] } {
  const notes: string[] = [];
  const own: [OptionName, unknown][] = [];
  for (const [key, value] of Object.entries(annotationsIn(configuration))) {
    if (!key.startsWith(ANNOTATION_PREFIX)) continue;
    const name = OPTION_NAMES.find((each) => annotationOf(each) === key);
    if (name === undefined || NOT_BY_ANNOTATION.has(name))
      notes.push(`the annotation ${shownName(key)} is ignored: there is no such option`);
    else if (!allowed.has(name))
      notes.push(`the annotation ${key} is ignored: podOptions does not allow ${name}`);
    else own.push([name, parseOption(name, value, key)]);
  }
  return { own: Object.fromEntries(own), notes };
}

function annotationsIn(configuration: JsonObject): JsonObject {
  const runtime = field(configuration, 'runtimeConfig');
  const annotations = isObject(runtime) ? field(runtime, ANNOTATIONS) : undefined;
  if (annotations === undefined || annotations === null) return {};
  if (isObject(annotations)) return annotations;
  throw invalid(`runtimeConfig.${ANNOTATIONS}`, annotations, 'an object of strings');
}
