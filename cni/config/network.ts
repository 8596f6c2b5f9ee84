/** The network configuration on stdin: what every verb needs of it, before any verb's own part. */
import { CniError, ERROR_CODES } from '../errors.ts';
import { type CniVersion, supportedVersion } from '../versions.ts';
import { isObject, type JsonObject, parseObject, rawMember } from './json.ts';
import { shown } from './shown.ts';

export interface NetworkConfiguration {
  readonly cniVersion: CniVersion;
  readonly name: string;
  /** The whole object, for the parts that only some verbs read. */
  readonly object: JsonObject;
  /** The result of the plugin before, as written; absent where there is none. */
  readonly prevResult?: string;
}

export interface AttachmentName {
  readonly containerId: string;
  readonly ifname: string;
}

/** libcni, utils.ValidateNetworkName. */
const NETWORK_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** Throws code 6 for what is not JSON, 1 for a foreign version, 7 for all else. */
export function parseNetworkConfiguration(text: string): NetworkConfiguration {
  const object = parseObject(text);
  const cniVersion = supportedVersion(object.cniVersion);
  const name = stringField(object, 'name');
  stringField(object, 'type');
  if (!NETWORK_NAME.test(name))
    throw new CniError(
      ERROR_CODES.invalidConfiguration,
      'invalid network name',
      `name is ${shown(name)}: it must start with a letter or digit and go on with letters, digits, "_", "." or "-"`,
    );
  const { prevResult } = object;
  if (prevResult === undefined || prevResult === null) return { cniVersion, name, object };
  if (!isObject(prevResult))
    throw new CniError(
      ERROR_CODES.invalidConfiguration,
      'invalid prevResult',
      `prevResult must be an object, not ${shown(prevResult)}`,
    );
  return { cniVersion, name, object, prevResult: rawMember(text, 'prevResult') };
}

/** A chained plugin's answer to ADD is the result before it: without one there is nothing to print. */
export function requirePrevResult(configuration: NetworkConfiguration): string {
  if (configuration.prevResult !== undefined) return configuration.prevResult;
  throw new CniError(
    ERROR_CODES.internal,
    'must be called as chained plugin',
    'prevResult is missing: put natra after the main plugin in the "plugins" list of a .conflist',
  );
}

/**
 * Attachments that the runtime still holds (GC, CNI 1.1): absent where the caller gave no list.
 * libcni writes the list under both keys, the second from before the specification settled.
 */
export function parseValidAttachments(object: JsonObject): readonly AttachmentName[] | undefined {
  const list = object['cni.dev/valid-attachments'] ?? object['cni.dev/attachments'];
  if (list === undefined || list === null) return undefined;
  if (!Array.isArray(list)) throw badAttachments('must be an array', list);
  return list.map((entry: unknown) => {
    if (!isObject(entry)) throw badAttachments('must hold objects', entry);
    const { containerID, ifname } = entry;
    if (typeof containerID !== 'string' || typeof ifname !== 'string')
      throw badAttachments('needs the strings containerID and ifname in each entry', entry);
    return { containerId: containerID, ifname };
  });
}

function stringField(object: JsonObject, name: string): string {
  const value = object[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new CniError(
    ERROR_CODES.invalidConfiguration,
    value === undefined ? `missing ${name}` : `invalid ${name}`,
    `${name} must be a string that is not empty${value === undefined ? '' : `, not ${shown(value)}`}`,
  );
}

function badAttachments(rule: string, value: unknown): CniError {
  return new CniError(
    ERROR_CODES.invalidConfiguration,
    'invalid cni.dev/valid-attachments',
    `cni.dev/valid-attachments ${rule}, not ${shown(value)}`,
  );
}
