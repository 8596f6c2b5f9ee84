import { describe, expect, test } from 'vitest';
import { CniError } from '../errors.ts';
import { parseAttachment, parsePodIdentity, parseVerb, requireVariables, VERBS } from './environment.ts';

const refusal = (attempt: () => unknown): CniError => {
  try {
    attempt();
  } catch (error) {
    if (error instanceof CniError) return error;
    throw error;
  }
  throw new Error('the environment was accepted');
};

describe('the verb', () => {
  test.each(VERBS)('%s', (verb) => {
    expect(parseVerb({ CNI_COMMAND: verb })).toBe(verb);
  });

  test.each([{}, { CNI_COMMAND: '' }])('none in %j', (variables) => {
    expect(parseVerb(variables)).toBeUndefined();
  });

  test.each(['add', 'UPDATE', 'ADD '])('%j is refused', (command) => {
    const error = refusal(() => parseVerb({ CNI_COMMAND: command }));
    expect(error).toMatchObject({ code: 4, message: 'invalid CNI_COMMAND' });
    expect(error.details).toContain(JSON.stringify(command));
  });
});

describe('required variables', () => {
  const all = { CNI_CONTAINERID: 'c1', CNI_NETNS: '/run/netns/a', CNI_IFNAME: 'eth0', CNI_PATH: '/opt' };

  test.each([
    ['ADD', ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH']],
    ['CHECK', ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH']],
    ['DEL', ['CNI_CONTAINERID', 'CNI_IFNAME', 'CNI_PATH']],
    ['GC', ['CNI_PATH']],
    ['STATUS', ['CNI_PATH']],
    ['VERSION', []],
  ] as const)('%s needs %j', (verb, needed) => {
    expect(() => requireVariables(verb, all)).not.toThrow();
    for (const name of needed)
      expect(refusal(() => requireVariables(verb, { ...all, [name]: '' }))).toMatchObject({
        code: 4,
        message: `required env variables [${name}] missing`,
      });
  });

  test('all that are missing are named at once', () => {
    expect(refusal(() => requireVariables('ADD', { CNI_PATH: '/opt' })).message).toBe(
      'required env variables [CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME] missing',
    );
  });
});

describe('the attachment', () => {
  const good = { CNI_CONTAINERID: 'c1', CNI_IFNAME: 'eth0' };

  test.each(['a', '9', 'cnitool-23a8', 'A_b.c-D'])('container id %j', (containerId) => {
    expect(parseAttachment({ ...good, CNI_CONTAINERID: containerId }).containerId).toBe(containerId);
  });

  test.each(['', '-a', '.', '../x', 'a/b', 'a b', 'ä', 'a\n', '_x'])('container id %j is refused', (id) => {
    const error = refusal(() => parseAttachment({ ...good, CNI_CONTAINERID: id }));
    expect(error).toMatchObject({ code: 4, message: 'invalid CNI_CONTAINERID' });
  });

  test.each(['eth0', 'a', 'abcdefghijklmno', 'eth0.100', '...'])('interface %j', (ifname) => {
    expect(parseAttachment({ ...good, CNI_IFNAME: ifname }).ifname).toBe(ifname);
  });

  test.each(['', '.', '..', 'abcdefghijklmnop', 'a/b', 'a:1', 'a b', 'a\t', 'ééééééééé'])(
    'interface %j is refused',
    (ifname) => {
      const error = refusal(() => parseAttachment({ ...good, CNI_IFNAME: ifname }));
      expect(error).toMatchObject({ code: 4, message: 'invalid CNI_IFNAME' });
    },
  );
});

describe('the Pod', () => {
  test('is found in any order', () => {
    const args =
      'K8S_POD_UID=u1;IgnoreUnknown=1;K8S_POD_NAME=web-k1;K8S_POD_INFRA_CONTAINER_ID=x;K8S_POD_NAMESPACE=team-a';
    expect(parsePodIdentity({ CNI_ARGS: args })).toEqual({ namespace: 'team-a', name: 'web-k1', uid: 'u1' });
  });

  test.each([undefined, '', ';;', 'nonsense', '=x;K8S'])('is unknown from %j', (args) => {
    expect(parsePodIdentity({ CNI_ARGS: args })).toEqual({});
  });
});
