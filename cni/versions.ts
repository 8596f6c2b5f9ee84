/** CNI specification versions that natra speaks. */
import { shown } from './config/shown.ts';
import { CniError, ERROR_CODES } from './errors.ts';

export const SUPPORTED_VERSIONS = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;
export type CniVersion = (typeof SUPPORTED_VERSIONS)[number];

export const NEWEST_VERSION: CniVersion = '1.1.0';

/** A configuration without `cniVersion` is of version 0.1.0 (libcni, version.ConfigDecoder). */
const IMPLIED_VERSION = '0.1.0';

export function isSupported(version: unknown): version is CniVersion {
  return SUPPORTED_VERSIONS.some((supported) => supported === version);
}

/** The version of a configuration. Throws code 1 for one that natra does not speak, 7 for a non-string. */
export function supportedVersion(version: unknown): CniVersion {
  if (version !== undefined && typeof version !== 'string')
    throw new CniError(
      ERROR_CODES.invalidConfiguration,
      'invalid cniVersion',
      `cniVersion must be a string such as "${NEWEST_VERSION}", not ${shown(version)}`,
    );
  const stated = version === undefined || version === '' ? IMPLIED_VERSION : version;
  if (isSupported(stated)) return stated;
  const supported = SUPPORTED_VERSIONS.map((each) => JSON.stringify(each)).join(' ');
  throw new CniError(
    ERROR_CODES.incompatibleVersion,
    'incompatible CNI versions',
    `config is ${shown(stated)}, plugin supports [${supported}]`,
  );
}

/** Refuses a verb that the configuration's version does not have yet, with code 1. */
export function requireVersion(verb: string, version: CniVersion, since: CniVersion): void {
  if (SUPPORTED_VERSIONS.indexOf(version) >= SUPPORTED_VERSIONS.indexOf(since)) return;
  throw new CniError(
    ERROR_CODES.incompatibleVersion,
    `config version does not allow ${verb}`,
    `cniVersion is "${version}", ${verb} needs "${since}" or later`,
  );
}
