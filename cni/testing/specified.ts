/** What every answer of a CNI plugin has to be (CNI 1.1, sections 2, 3 and 5), whatever it was called with. */
import { expect } from 'vitest';
import { isObject } from '../config/json.ts';
import { ERROR_CODES } from '../errors.ts';
import type { Outcome } from '../plugin.ts';
import { NEWEST_VERSION, SUPPORTED_VERSIONS } from '../versions.ts';

/** An error is for a log and a Pod's events, which are no place for all that a runtime may have sent. */
const LONGEST_ERROR = 8192;

/** The refusals that upstream's plugins have no code of their own for; any other 999 is a fault of natra's. */
const UPSTREAM_INTERNAL = [
  'must be called as chained plugin',
  'if rate is set, burst must also be set',
  'if burst is set, rate must also be set',
];

/** Holds an answer to `verb` with this stdin against the specification; gives the code, 0 for success. */
export function expectSpecified(verb: string, stdin: string, { stdout, exitCode }: Outcome): number {
  if (exitCode !== 0) return expectError(stdin, stdout);
  expect(exitCode).toBe(0);
  if (verb === 'ADD') expectPassedOn(stdin, stdout);
  else if (verb === 'VERSION')
    expect(JSON.parse(stdout)).toEqual({
      cniVersion: versionOf(stdin),
      supportedVersions: SUPPORTED_VERSIONS,
    });
  else expect(stdout).toBe('');
  return 0;
}

/** The result of the plugin before, byte by byte. */
function expectPassedOn(stdin: string, stdout: string): void {
  expect(stdin).toContain(stdout);
  const { prevResult } = JSON.parse(stdin) as { prevResult: unknown };
  const passedOn: unknown = JSON.parse(stdout);
  // What is nested deeper than this no comparison comes to the end of.
  if (!stdout.includes('['.repeat(100))) expect(passedOn).toEqual(prevResult);
}

function expectError(stdin: string, stdout: string): number {
  const error: unknown = JSON.parse(stdout);
  expect(stdout.length).toBeLessThan(LONGEST_ERROR);
  expect(error).toEqual({
    cniVersion: versionOf(stdin),
    code: expect.toSatisfy((code) => Object.values(ERROR_CODES).includes(code)),
    msg: expect.stringMatching(/^.+$/),
    details: expect.stringMatching(/./),
  });
  const { code, msg } = error as { code: number; msg: string };
  if (code === ERROR_CODES.internal) expect(UPSTREAM_INTERNAL).toContain(msg);
  return code;
}

function versionOf(stdin: string): string {
  try {
    const value: unknown = JSON.parse(stdin);
    const stated = isObject(value) ? value.cniVersion : undefined;
    return SUPPORTED_VERSIONS.find((each) => each === stated) ?? NEWEST_VERSION;
  } catch {
    return NEWEST_VERSION;
  }
}
