import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setSyscallHook } from '../loader/index.ts';
import { type Node, thisNode } from './node.ts';
import { runPlugin } from './plugin.ts';
import { arbitraryCall } from './testing/arbitrary-calls.ts';
import { expectSpecified } from './testing/specified.ts';
import { SUPPORTED_VERSIONS } from './versions.ts';

let directory: string;
let node: Node;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'natra-'));
  node = thisNode({
    NATRA_STATE_DIR: join(directory, 'state'),
    NATRA_PIN_DIR: join(directory, 'pins'),
    NATRA_LOG: 'off',
  });
});
afterAll(() => rmSync(directory, { recursive: true }));

const environment = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/run/netns/natra-no-such',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin',
};
const configuration = {
  cniVersion: '1.0.0',
  name: 'net',
  type: 'natra',
  prevResult: { cniVersion: '1.0.0', interfaces: [] },
};
const limited = { ...configuration, runtimeConfig: { bandwidth: { ingressRate: 1e7, egressRate: 1e7 } } };

function call(variables: Record<string, string>, stdin: unknown) {
  const text = typeof stdin === 'string' ? stdin : JSON.stringify(stdin);
  const { stdout, exitCode } = runPlugin(variables, () => text, node);
  return { exitCode, stdout, answer: stdout === '' ? undefined : JSON.parse(stdout) };
}

describe('VERSION', () => {
  test.each(SUPPORTED_VERSIONS)('answers in %s', (cniVersion) => {
    expect(call({ CNI_COMMAND: 'VERSION' }, { cniVersion })).toMatchObject({
      exitCode: 0,
      answer: { cniVersion, supportedVersions: SUPPORTED_VERSIONS },
    });
  });

  test.each(['', '{', '{}', '{"cniVersion":"9.9.9"}', 'null'])('answers in the newest to %j', (stdin) => {
    expect(call({ CNI_COMMAND: 'VERSION' }, stdin)).toMatchObject({
      exitCode: 0,
      answer: { cniVersion: '1.1.0' },
    });
  });

  test('answers with stdin closed', () => {
    const closed = () => {
      throw new Error('EBADF');
    };
    expect(runPlugin({ CNI_COMMAND: 'VERSION' }, closed, node).exitCode).toBe(0);
  });
});

describe('ADD without limits', () => {
  test('prints prevResult byte by byte', () => {
    const prevResult = '{ "cniVersion":"1.0.0",\n "ips": [ {"address":"10.0.0.2/24"} ], "x": 1.0 }';
    const text = `{"cniVersion":"1.0.0","name":"net","type":"natra","prevResult": ${prevResult}}`;
    expect(call(environment, text)).toMatchObject({ exitCode: 0, stdout: prevResult });
  });

  test.each(['ctrd1.7-ADD-noannot.json', 'ctrd1.7-bandwidth-ADD-noannot.json'])('captured %s', (name) => {
    const captured = JSON.parse(readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8'));
    const { exitCode, answer } = call(captured.env, captured.stdin);
    expect(exitCode).toBe(0);
    expect(answer).toEqual(captured.stdout);
  });

  test('needs a result to pass on', () => {
    const { prevResult: _, ...rest } = configuration;
    expect(call(environment, rest).answer).toMatchObject({
      code: 999,
      msg: 'must be called as chained plugin',
    });
  });
});

/** A configuration with a field that holds arrays in arrays, deeper than JSON.stringify goes. */
const deeply = (field: string) =>
  JSON.stringify({ ...limited, [field]: 'deep' }).replace('"deep"', '['.repeat(20_000) + ']'.repeat(20_000));

describe('a refused call leaves a CNI error and nothing else', () => {
  test.each([
    ['malformed stdin', {}, '{"cniVersion":', 6, 'stdin is not JSON'],
    ['empty stdin', {}, '', 6, 'stdin is empty'],
    ['no container id', { CNI_CONTAINERID: '' }, limited, 4, 'CNI_CONTAINERID must be set'],
    ['no interface', { CNI_IFNAME: '' }, limited, 4, 'CNI_IFNAME must be set'],
    ['no netns', { CNI_NETNS: '' }, limited, 4, 'CNI_NETNS must be set'],
    ['no path', { CNI_PATH: '' }, limited, 4, 'CNI_PATH must be set'],
    ['bad container id', { CNI_CONTAINERID: '../../x' }, limited, 4, 'CNI_CONTAINERID is "../../x"'],
    ['bad interface', { CNI_IFNAME: 'a/b' }, limited, 4, 'CNI_IFNAME is "a/b"'],
    ['unknown verb', { CNI_COMMAND: 'FROB' }, limited, 4, 'CNI_COMMAND is "FROB"'],
    ['missing netns', {}, limited, 8, 'CNI_NETNS is "/run/netns/natra-no-such"'],
    ['a netns below a file', { CNI_NETNS: '/etc/passwd/x' }, limited, 8, 'looking there fails with ENOTDIR'],
    ['a netns of 5000 characters', { CNI_NETNS: `/${'x'.repeat(4999)}` }, limited, 8, 'ENAMETOOLONG'],
    ['a netns that is none', { CNI_NETNS: '/etc/passwd' }, limited, 8, 'not a network namespace'],
    ['the own netns', { CNI_NETNS: '/proc/self/ns/net' }, limited, 8, 'own network namespace'],
    ['old version', {}, { ...limited, cniVersion: '0.2.0' }, 1, 'config is "0.2.0"'],
    ['rate below 1k', {}, { ...limited, ingressRate: 999, ingressBurst: 1e6 }, 7, 'ingressRate is 999'],
    [
      'rate above 1P',
      {},
      { ...limited, egressRate: 2e15, egressBurst: 1e6 },
      7,
      'egressRate is 2000000000000000',
    ],
    ['bad option', {}, { ...limited, attachMode: 'xdp' }, 7, 'attachMode must be one of'],
    ['bad variable', { NATRA_ATTACH_MODE: 'xdp' }, limited, 4, 'NATRA_ATTACH_MODE must be one of'],
    ['a rate of great depth', {}, deeply('ingressRate'), 7, 'not an array of great depth'],
    ['a version of great depth', {}, deeply('cniVersion'), 7, 'not an array of great depth'],
    [
      'a name of 5000 characters',
      {},
      { ...limited, name: `.${'x'.repeat(4999)}` },
      7,
      'xxx... (5002 characters)',
    ],
    [
      'an option whose name has a line break',
      {},
      { ...limited, defaults: { 'a\nb': 1 } },
      7,
      'defaults."a\\nb"',
    ],
    [
      'an option that is no name',
      {},
      { ...limited, podOptions: [{ toString: 1 }] },
      7,
      'podOptions entry {"toString":1} is no option',
    ],
    ['early CHECK', { CNI_COMMAND: 'CHECK' }, { ...limited, cniVersion: '0.3.1' }, 1, 'CHECK needs "0.4.0"'],
    ['early GC', { CNI_COMMAND: 'GC' }, { ...limited, cniVersion: '1.0.0' }, 1, 'GC needs "1.1.0"'],
    [
      'early STATUS',
      { CNI_COMMAND: 'STATUS' },
      { ...limited, cniVersion: '1.0.0' },
      1,
      'STATUS needs "1.1.0"',
    ],
  ] as const)('%s', (_, change, stdin, code, details) => {
    const { exitCode, answer } = call({ ...environment, ...change }, stdin);
    expect(exitCode).toBe(1);
    expect(answer).toEqual({
      cniVersion: expect.stringMatching(/^(0\.3\.[01]|0\.4\.0|1\.[01]\.0)$/),
      code,
      msg: expect.stringMatching(/^.+$/),
      details: expect.stringContaining(details),
    });
    expect(existsSync(node.stateDirectory) ? readdirSync(node.stateDirectory) : []).toEqual([]);
  });
});

test.each(['ADD', 'FROB'])('%s is refused in the version of its configuration', (CNI_COMMAND) => {
  const stdin = { ...limited, cniVersion: '0.4.0', attachMode: 'xdp' };
  expect(call({ ...environment, CNI_COMMAND }, stdin).answer).toMatchObject({ cniVersion: '0.4.0' });
});

test('ADD is refused where stdin is closed', () => {
  const closed = () => {
    throw new Error('EBADF: bad file descriptor, read');
  };
  const { stdout, exitCode } = runPlugin(environment, closed, node);
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    code: 5,
    details: 'stdin must hold the network configuration: EBADF: bad file descriptor, read',
  });
});

describe('DEL of what is not there succeeds', () => {
  test.each([
    ['without netns', { CNI_NETNS: '' }, configuration],
    ['with a netns that is gone', {}, configuration],
    ['with a bad rate', {}, { ...configuration, ingressRate: 1, ingressBurst: 1 }],
    ['without prevResult', {}, { cniVersion: '1.1.0', name: 'net', type: 'natra' }],
  ])('%s', (_, change, stdin) => {
    const outcome = call({ ...environment, CNI_COMMAND: 'DEL', ...change }, stdin);
    expect(outcome).toMatchObject({ exitCode: 0, stdout: '' });
  });
});

test('1000 random calls are answered in the form of the specification', () => {
  // Without the kernel, so that it needs no root; verifier-tests/volumes has many more, and what becomes of each.
  setSyscallHook(() => -constants.errno.EPERM);
  try {
    fc.assert(
      fc.property(arbitraryCall(environment.CNI_NETNS), ({ variables, stdin }) => {
        const text = Buffer.from(stdin).toString('utf8');
        expectSpecified(
          variables.CNI_COMMAND ?? '',
          text,
          runPlugin(variables, () => text, node),
        );
      }),
      { numRuns: 1000 },
    );
  } finally {
    setSyscallHook(undefined);
  }
});
