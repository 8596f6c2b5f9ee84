/**
 * Random calls: those of real runtimes with some of their fields, bytes and variables changed, and noise. Every one is
 * something that a process can be started with.
 */
import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { ANNOTATION_PREFIX, annotationOf, OPTION_NAMES } from '../config/option-values.ts';
import { SUPPORTED_VERSIONS } from '../versions.ts';
import { type CapturedCall, captured } from './calls.ts';

export interface ArbitraryCall {
  readonly variables: Readonly<Record<string, string>>;
  readonly stdin: Uint8Array;
}

const FIXTURES = readdirSync(new URL('../fixtures/', import.meta.url)).map((file) =>
  captured(file.replace(/\.json$/, '')),
);

/** Names that JavaScript gives a meaning of its own. */
const PECULIAR_NAMES = ['__proto__', 'constructor', 'toString', 'valueOf', 'length', 'toJSON', ''];

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom('10M', '1k', '-5', '1e400', '٣', '75%', '10.0.0.0/8', '::/0', 'fe80::1%eth0', 'on', 'off'),
  fc.constantFrom('auto', 'tcx', 'clsact', 'host', 'pod', 'closed', 'ipv4', '\ud800', '\0', '../..'),
);
const number = fc.oneof(
  fc.double(),
  fc.maxSafeNat(),
  fc.constantFrom(0, -0, -1, 0.5, 999, 1000, 1e7, 1e15, 2e15, 4_294_967_295, 2 ** 53, 1e300),
);
const peculiar = fc
  .tuple(fc.constantFrom(...PECULIAR_NAMES), text)
  .map(([name, value]) => JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(value)}}`) as unknown);
/** Stands for arrays in arrays, deeper than anything may go that calls itself for each: `write` puts them there. */
const nested = fc.integer({ min: 2, max: 20_000 }).map((depth) => `\u0001deep${depth}`);
const long = fc
  .tuple(fc.constantFrom('9', '0', 'x', ',', '.', '\u{1f600}'), fc.nat(30_000))
  .map(([what, times]) => what.repeat(times));
const value = fc.oneof(
  { weight: 8, arbitrary: text },
  { weight: 8, arbitrary: number },
  { weight: 4, arbitrary: fc.constantFrom(null, true, false, [], {}, [null], [[]], [{}]) },
  { weight: 4, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  { weight: 2, arbitrary: peculiar },
  { weight: 2, arbitrary: fc.array(peculiar, { minLength: 1, maxLength: 2 }) },
  { weight: 1, arbitrary: fc.oneof(nested, long) },
);

/** Where a plugin's configuration says something that natra reads. */
const PLACES: readonly (readonly string[])[] = [
  ...['cniVersion', 'name', 'type', 'prevResult', 'runtimeConfig', 'RuntimeConfig'].map((name) => [name]),
  ...['attachMode', 'attachSide', 'edtPacing', 'vlanTags', 'ipFamilies', 'failurePolicy'].map((name) => [
    name,
  ]),
  ...['ingressRate', 'ingressBurst', 'EGRESSRATE', 'egressBurst'].flatMap((name) => [
    [name],
    ['runtimeConfig', 'bandwidth', name],
  ]),
  ...['defaults', 'bounds', 'namespaces', 'podOptions', 'shapedSubnets', 'unshapedSubnets'].map((name) => [
    name,
  ]),
  ...OPTION_NAMES.flatMap((name) => [
    ['runtimeConfig', 'io.kubernetes.cri.pod-annotations', annotationOf(name)],
    ['defaults', name],
    ['namespaces', 'team-a', name],
    ['bounds', name, 'min'],
  ]),
  ['runtimeConfig', 'io.kubernetes.cri.pod-annotations', `${ANNOTATION_PREFIX}other`],
  ['runtimeConfig', 'bandwidth'],
  ['runtimeConfig', 'io.kubernetes.cri.pod-annotations'],
  ['cni.dev/valid-attachments'],
  ['cni.dev/attachments'],
];
/** What belongs there, so that a change may also be a good one. */
const GOOD: readonly (readonly [readonly string[], unknown])[] = [
  ...SUPPORTED_VERSIONS.map((version) => [['cniVersion'], version] as const),
  [['failurePolicy'], 'closed'],
  [['attachMode'], 'clsact'],
  [['attachSide'], 'pod'],
  [['edtPacing'], 'off'],
  [['runtimeConfig', 'bandwidth'], { ingressRate: 1e7, egressRate: 1e6, egressBurst: 1e6 }],
  [['runtimeConfig', 'io.kubernetes.cri.pod-annotations'], { 'natra.dev/egress-burst': '20M' }],
  [['defaults'], { ingressRate: '1G', miceShare: '75%', ecn: 'off', excludedSubnets: ['10.0.0.0/8'] }],
  [['bounds'], { egressRate: { min: '1M', max: '20M' } }],
  [['podOptions'], ['egressBurst', 'ecn']],
  [['unshapedSubnets'], ['10.0.0.0/8', '2001:db8::/32']],
  [['cni.dev/valid-attachments'], [{ containerID: 'c1', ifname: 'eth0' }]],
];

type Change = (object: Record<string, unknown>) => void;

const puts: fc.Arbitrary<Change> = fc
  .oneof(fc.tuple(fc.constantFrom(...PLACES), value), fc.constantFrom(...GOOD))
  .map(([path, put]) => (object) => {
    let at = object;
    for (const name of path.slice(0, -1)) {
      const inner = at[name];
      if (!isPlain(inner)) define(at, name, {});
      at = at[name] as Record<string, unknown>;
    }
    define(at, path.at(-1) ?? '', put);
  });

/** Changes one of the members that are there, however deep. */
const changesOne: fc.Arbitrary<Change> = fc
  .tuple(
    fc.nat(999),
    fc.oneof(
      value.map((put) => (owner: Record<string, unknown>, name: string) => define(owner, name, put)),
      fc.constantFrom(
        (owner: Record<string, unknown>, name: string) => void delete owner[name],
        (owner: Record<string, unknown>, name: string) => define(owner, name, [owner[name]]),
        (owner: Record<string, unknown>, name: string) => define(owner, name.toUpperCase(), owner[name]),
      ),
      fc.constantFrom(...PECULIAR_NAMES).map((put) => (owner: Record<string, unknown>, name: string) => {
        define(owner, put, owner[name]);
      }),
    ),
  )
  .map(([choice, change]) => (object) => {
    const members = membersOf(object);
    const [owner, name] = members[choice % Math.max(1, members.length)] ?? [object, 'name'];
    change(owner, name);
  });

function membersOf(object: Record<string, unknown>): [Record<string, unknown>, string][] {
  return Object.entries(object).flatMap(([name, inner]): [Record<string, unknown>, string][] => [
    [object, name],
    ...(isPlain(inner) || Array.isArray(inner) ? membersOf(inner as Record<string, unknown>) : []),
  ]);
}

const isPlain = (inner: unknown): inner is Record<string, unknown> =>
  typeof inner === 'object' && inner !== null && !Array.isArray(inner);

/** A copy, since changes go on in it; as JSON.parse does it, whatever the name is; but the length of an array is no member. */
function define(owner: object, name: string, put: unknown): void {
  if (Array.isArray(owner) && name === 'length') return;
  Object.defineProperty(owner, name, {
    value: structuredClone(put),
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

const write = (any: unknown, blanks: number): string =>
  JSON.stringify(any, undefined, blanks).replace(
    /"\\u0001deep(\d+)"/g,
    (_, depth) => '['.repeat(Number(depth)) + ']'.repeat(Number(depth)),
  );

function changed(stdin: CapturedCall['stdin'], changes: readonly Change[], blanks: number): string {
  const object = structuredClone(stdin) as Record<string, unknown>;
  for (const change of changes) change(object);
  return write(object, blanks);
}

type Damage = (bytes: Buffer) => Buffer;

const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.nat().map(
    (length): Damage =>
      (bytes) =>
        bytes.subarray(0, length % (bytes.length + 1)),
  ),
  fc.tuple(fc.nat(), fc.nat(255)).map(
    ([at, byte]): Damage =>
      (bytes) => {
        const copy = Buffer.from(bytes);
        if (copy.length > 0) copy[at % copy.length] = byte;
        return copy;
      },
  ),
  fc
    .tuple(fc.nat(), fc.constantFrom('"', '{', '}', '[', ',', ':', '\\', '\\u', '\ufeff', '\n', 'null', '-'))
    .map(
      ([at, put]): Damage =>
        (bytes) => {
          const cut = at % (bytes.length + 1);
          return Buffer.concat([bytes.subarray(0, cut), Buffer.from(put), bytes.subarray(cut)]);
        },
    ),
  fc.tuple(fc.nat(), fc.nat(200)).map(
    ([at, length]): Damage =>
      (bytes) => {
        const from = at % (bytes.length + 1);
        return Buffer.concat([bytes.subarray(0, from + length), bytes.subarray(from)]);
      },
  ),
);

const blanks = fc.constantFrom(0, 0, 2);
const changes = fc.array(fc.oneof(puts, changesOne), { maxLength: 4 });

/** What a runtime's stdin may turn into. */
function arbitraryStdin({ stdin }: CapturedCall): fc.Arbitrary<Uint8Array> {
  const likely = fc.tuple(changes, blanks).map(([made, spaces]) => Buffer.from(changed(stdin, made, spaces)));
  return fc.oneof(
    { weight: 12, arbitrary: likely },
    {
      weight: 4,
      arbitrary: fc
        .tuple(likely, fc.array(damage, { minLength: 1, maxLength: 3 }))
        .map(([bytes, all]) => all.reduce((done: Buffer, each) => each(done), bytes)),
    },
    { weight: 1, arbitrary: value.map((any) => Buffer.from(write(any, 0))) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  );
}

const NAMES = [
  ...['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH', 'CNI_ARGS', 'CAP_ARGS'],
  ...['NATRA_ATTACH_MODE', 'NATRA_ATTACH_SIDE', 'NATRA_EDT_PACING', 'NATRA_VLAN_TAGS'],
  ...['NATRA_IP_FAMILIES', 'NATRA_FAILURE_POLICY', 'PATH', 'LANG'],
];
/** No variable of a process holds a NUL. */
const variableText = fc
  .oneof(
    { weight: 6, arbitrary: text },
    { weight: 6, arbitrary: fc.constantFrom('', 'eth0', 'net1', 'c1', 'c1.x', 'open', 'closed', 'dual') },
    { weight: 3, arbitrary: fc.constantFrom('/proc/self/ns/net', '/etc/passwd', '/', '/etc/passwd/x', '.') },
    { weight: 2, arbitrary: fc.constantFrom('K8S_POD_NAMESPACE=team-a', ';;=;K8S_POD_NAME', '=') },
    { weight: 1, arbitrary: long },
  )
  .map((any) => any.replaceAll('\0', ''));
const variableChange = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.constantFrom(...NAMES), fc.option(variableText, { nil: undefined })) },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constantFrom(...PECULIAR_NAMES.filter((name) => name !== ''), 'NATRA_X'),
      variableText,
    ),
  },
);
const verb = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.constantFrom('ADD', 'ADD', 'ADD', 'CHECK', 'DEL', 'GC', 'STATUS', 'VERSION'),
  },
  { weight: 1, arbitrary: variableText.filter((any) => any !== '') },
);

/** Bytes as numbers tell nobody anything. */
const tellable = (call: ArbitraryCall): ArbitraryCall =>
  Object.defineProperty(call, fc.toStringMethod, {
    value: () => fc.stringify({ ...call, stdin: Buffer.from(call.stdin).toString('utf8').slice(0, 4000) }),
  });

/** Calls for the network namespace at `netns`, mostly. */
export function arbitraryCall(netns: string): fc.Arbitrary<ArbitraryCall> {
  return fc.constantFrom(...FIXTURES).chain((fixture) =>
    fc
      .record({
        command: fc.option(verb, { freq: 2, nil: fixture.env.CNI_COMMAND }),
        made: fc.array(variableChange, { maxLength: 3 }),
        keep: fc.integer({ min: 0, max: 3 }),
        stdin: arbitraryStdin(fixture),
      })
      .map(({ command = 'ADD', made, keep, stdin }) => {
        const variables: Record<string, string> = {
          ...fixture.env,
          CNI_COMMAND: command,
          CNI_NETNS: fixture.env.CNI_NETNS === '' ? '' : netns,
        };
        // Most calls keep their environment, so that what stdin holds comes to matter.
        for (const [name, put] of keep > 0 ? [] : made)
          if (put === undefined) delete variables[name];
          else define(variables, name, put);
        return tellable({ variables, stdin });
      }),
  );
}
