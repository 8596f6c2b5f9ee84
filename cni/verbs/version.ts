/** VERSION: which specification versions natra speaks. Answers whatever stdin holds, as it asks for nothing. */
import { isObject } from '../config/json.ts';
import { isSupported, NEWEST_VERSION, SUPPORTED_VERSIONS } from '../versions.ts';

export function version(stdin: string): string {
  return JSON.stringify({ cniVersion: versionIn(stdin), supportedVersions: SUPPORTED_VERSIONS });
}

/** The version that stdin asks to be answered in, where natra speaks it; the newest otherwise. */
export function versionIn(stdin: string): string {
  try {
    const value: unknown = JSON.parse(stdin);
    if (isObject(value) && isSupported(value.cniVersion)) return value.cniVersion;
  } catch {
    // Malformed text has no version of its own; whoever needs more of it says so.
  }
  return NEWEST_VERSION;
}
