/** natra's entry in a network configuration list (CNI specification, section 1), put in and taken out as text. */
import { isObject, type JsonObject } from '../config/json.ts';
import { OperatorError } from '../errors.ts';
import { isSupported, SUPPORTED_VERSIONS } from '../versions.ts';
import { elementsOf, insertAfter, removeElement, replaceElement, type Span } from './json-text.ts';

/** What becomes of the `bandwidth` plugin in the same list; without a choice a list with one is refused. */
export type BandwidthChoice = 'replace' | 'beside';

const NATRA = 'natra';
const BANDWIDTH = 'bandwidth';

/** The two capabilities are what a runtime is asked to hand over of a Pod: its limits, and its annotations. */
export const ENTRY = {
  type: NATRA,
  capabilities: { bandwidth: true, 'io.kubernetes.cri.pod-annotations': true },
} as const;

interface Conflist {
  readonly text: string;
  readonly plugins: readonly JsonObject[];
  readonly spans: readonly Span[];
}

/** The list with natra in it; the same text where it is there already. Refuses what no runtime would accept. */
export function withNatra(text: string, path: string, choice: BandwidthChoice | undefined): string {
  const list = parseConflist(text, path);
  requireSpokenVersion(JSON.parse(text), path);
  const natra = indexOf(list, NATRA);
  const bandwidth = indexOf(list, BANDWIDTH);
  if (bandwidth < 0) return natra < 0 ? append(list) : text;
  if (choice === undefined)
    throw new OperatorError(
      `put natra into ${path}: the plugin "bandwidth" is in it, and both would limit the same Pod; say --replace-bandwidth, or --beside-bandwidth to keep both`,
    );
  if (choice === 'beside') return natra < 0 ? append(list) : text;
  const replaced =
    natra < 0
      ? replaceElement(text, list.spans, bandwidth, inPlaceOf(list.plugins[bandwidth]))
      : removeElement(text, list.spans, bandwidth);
  return withNatra(replaced, path, choice);
}

/**
 * The list without natra. A `bandwidth` of `original`, the list as it was before, comes back in natra's place unless
 * somebody put one there meanwhile.
 */
export function withoutNatra(text: string, path: string, original: string | undefined): string {
  const list = parseConflist(text, path);
  const natra = indexOf(list, NATRA);
  if (natra < 0) return text;
  const former = original === undefined ? undefined : entryOf(original, BANDWIDTH, path);
  if (former !== undefined && indexOf(list, BANDWIDTH) < 0) {
    const { start = 0, end = 0 } = list.spans[natra] ?? {};
    return withoutNatra(text.slice(0, start) + former + text.slice(end), path, undefined);
  }
  if (list.plugins.length === 1)
    throw new OperatorError(
      `take natra out of ${path}: it is the only plugin there, and a list needs one; remove the file or name a main plugin in it`,
    );
  return withoutNatra(removeElement(text, list.spans, natra), path, undefined);
}

/** Whether natra is in the list. Refuses a text that is none. */
export const isNatraIn = (text: string, path: string): boolean =>
  indexOf(parseConflist(text, path), NATRA) >= 0;

/** The same; false for a text that is no list. */
export function hasNatra(text: string): boolean {
  try {
    return isNatraIn(text, '');
  } catch {
    return false;
  }
}

/** natra's entry with what an operator has written into that of `bandwidth`: static limits mean the same in both. */
function inPlaceOf(bandwidth: JsonObject | undefined): JsonObject {
  const { type: _, capabilities, ...settings } = bandwidth ?? {};
  const former = isObject(capabilities) ? capabilities : {};
  return { type: NATRA, ...settings, capabilities: { ...former, ...ENTRY.capabilities } };
}

const append = ({ text, spans }: Conflist): string => insertAfter(text, spans, spans.length - 1, ENTRY);

const indexOf = ({ plugins }: Conflist, type: string): number =>
  plugins.findIndex((plugin) => plugin.type === type);

/** An entry as it is written. */
function entryOf(text: string, type: string, path: string): string | undefined {
  const list = parseConflist(text, path);
  const span = list.spans[indexOf(list, type)];
  return span && text.slice(span.start, span.end);
}

/** The list as libcni demands it (libcni/conf.go, ConfListFromBytes): a name, and plugins that each have a type. */
function parseConflist(text: string, path: string): Conflist {
  const refuse = (fault: string): OperatorError =>
    new OperatorError(`read ${path}: ${fault}; a runtime would refuse it too, so put it right first`);
  if (text.startsWith('\ufeff')) throw refuse('it begins with a byte order mark, which JSON must not have');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(value)) throw refuse('it does not hold a JSON object');
  if (typeof value.name !== 'string' || value.name === '') throw refuse('the list has no "name"');
  const { plugins } = value;
  const spans = elementsOf(text, 'plugins');
  if (!Array.isArray(plugins) || spans === undefined) throw refuse('it has no list of "plugins"');
  if (plugins.length === 0) throw refuse('its list of "plugins" is empty');
  const typed = plugins.filter((each): each is JsonObject => isObject(each) && typeof each.type === 'string');
  if (typed.length < plugins.length) throw refuse('a plugin in it has no "type"');
  return { text, plugins: typed, spans };
}

/** A list of another version would make every ADD fail, and with it every Pod. */
function requireSpokenVersion(list: JsonObject, path: string): void {
  const { cniVersion, cniVersions } = list;
  const stated = [cniVersion, ...(Array.isArray(cniVersions) ? cniVersions : [])];
  if (stated.some(isSupported)) return;
  const found = cniVersion === undefined ? 'none, which means 0.1.0' : JSON.stringify(cniVersion);
  throw new OperatorError(
    `put natra into ${path}: its cniVersion is ${found}; natra speaks ${SUPPORTED_VERSIONS.join(', ')}`,
  );
}
