import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CniError } from '../errors.ts';
import { SUPPORTED_VERSIONS } from '../versions.ts';
import { rawMember } from './json.ts';
import { parseNetworkConfiguration, parseValidAttachments } from './network.ts';

const refusal = (attempt: () => unknown): CniError => {
  try {
    attempt();
  } catch (error) {
    if (error instanceof CniError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
};
const base = { cniVersion: '1.0.0', name: 'net', type: 'natra' };
const parse = (value: unknown) => parseNetworkConfiguration(JSON.stringify(value));

describe('network configuration', () => {
  test.each(SUPPORTED_VERSIONS)('version %s', (cniVersion) => {
    expect(parse({ ...base, cniVersion })).toMatchObject({ cniVersion, name: 'net' });
  });

  test.each(['0.1.0', '0.2.0', '2.0.0', '1.0', 'x', ''])(
    'version %j is refused with code 1',
    (cniVersion) => {
      expect(refusal(() => parse({ ...base, cniVersion })).code).toBe(1);
    },
  );

  test('an incompatible version is told in the words of libcni', () => {
    expect(refusal(() => parse({ ...base, cniVersion: '0.2.0' }))).toMatchObject({
      message: 'incompatible CNI versions',
      details: 'config is "0.2.0", plugin supports ["0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]',
    });
    expect(refusal(() => parse({ name: 'net', type: 'natra' })).details).toContain('config is "0.1.0"');
  });

  test.each([
    ['', 6, 'stdin is empty'],
    ['  \n', 6, 'stdin is empty'],
    ['{', 6, 'stdin is not JSON'],
    ['{"a":1}x', 6, 'stdin is not JSON'],
    ['null', 6, 'not null'],
    ['[]', 6, 'not an array'],
    ['"x"', 6, 'not a string'],
    ['3', 6, 'not a number'],
    ['{"cniVersion":1}', 7, 'cniVersion must be a string'],
    ['{"cniVersion":"1.0.0"}', 7, 'name must be a string'],
    ['{"cniVersion":"1.0.0","name":""}', 7, 'name must be a string'],
    ['{"cniVersion":"1.0.0","name":"n"}', 7, 'type must be a string'],
    ['{"cniVersion":"1.0.0","name":"n","type":7}', 7, 'type must be a string'],
    ['{"cniVersion":"1.0.0","name":"../n","type":"natra"}', 7, 'name is "../n"'],
    ['{"cniVersion":"1.0.0","name":"n","type":"natra","prevResult":[]}', 7, 'prevResult must be an object'],
  ])('%j is refused with code %d', (text, code, details) => {
    const error = refusal(() => parseNetworkConfiguration(text));
    expect(error.code).toBe(code);
    expect(error.details).toContain(details);
  });

  test.each(readdirSync(new URL('../fixtures', import.meta.url)))('accepts the captured %s', (name) => {
    const call = JSON.parse(readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8'));
    const { prevResult } = parse(call.stdin);
    expect(prevResult === undefined ? undefined : JSON.parse(prevResult)).toEqual(call.stdin.prevResult);
  });
});

describe('prevResult', () => {
  test.each([
    '{"cniVersion":"0.3.1","ip4":{"ip":"10.0.0.2/24"}}',
    '{ "b" : 1,\n\t"a":[ 1.0, 18446744073709551615, "}],{\\"" ] , "10":{} , "2":null }',
    '{}',
  ])('keeps every byte of %s', (result) => {
    const text = `{"x":{"prevResult":1},"cniVersion":"1.0.0", "prevResult" :${result} ,"name":"n","type":"t"}`;
    expect(parseNetworkConfiguration(text).prevResult).toBe(result);
  });

  test('null is none', () => {
    expect(parse({ ...base, prevResult: null }).prevResult).toBeUndefined();
  });

  test('of two, the last counts, as for JSON.parse', () => {
    expect(rawMember('{"a":1,"\\u0061":[2]}', 'a')).toBe('[2]');
  });
});

describe('valid attachments', () => {
  const list = [{ containerID: 'c1', ifname: 'eth0' }];
  const wanted = [{ containerId: 'c1', ifname: 'eth0' }];

  test('under both keys of libcni', () => {
    expect(parseValidAttachments({ 'cni.dev/valid-attachments': list })).toEqual(wanted);
    expect(parseValidAttachments({ 'cni.dev/attachments': list })).toEqual(wanted);
  });

  test('an empty list is not the same as none', () => {
    expect(parseValidAttachments({ 'cni.dev/valid-attachments': [] })).toEqual([]);
    expect(parseValidAttachments({})).toBeUndefined();
  });

  test.each([3, [3], [{ containerID: 1, ifname: 'eth0' }], [{ containerID: 'c' }]])(
    '%j is refused',
    (value) => {
      const error = refusal(() => parseValidAttachments({ 'cni.dev/valid-attachments': value }));
      expect(error.code).toBe(7);
    },
  );
});
