/** For tests: programs given as text, with everything that dsl/lang exports imported on their first line. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { printTree } from '../tree/print.ts';
import type { ModuleTree } from '../tree/tree.ts';
import { type ParseResult, parseModule } from './index.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const NAMES = [
  ...['u8', 'u16', 'u32', 'u64', 'i8', 'i16', 'i32', 'i64', 'be16', 'be32', 'be64'],
  ...['struct', 'packed', 'array', 'global', 'settings', 'stack', 'type Ref', 'type Struct', 'type Skb'],
  ...[
    'arrayMap',
    'percpuArrayMap',
    'ringBuffer',
    'programArray',
    'arrayOfMaps',
    'hashOfMaps',
    'spinLock',
    'locked',
    'hashMap',
    'percpuHashMap',
    'lruHashMap',
    'lruPercpuHashMap',
    'lpmTrieMap',
  ],
  ...[
    'type HashMap',
    'BPF_ANY',
    'BPF_NOEXIST',
    'classifier',
    'noinline',
    'atomic',
    'clock',
    'random',
    'range',
  ],
  ...['min', 'max', 'smin', 'smax', 'likely', 'unlikely', 'TC_ACT_OK', 'TC_ACT_SHOT', 'TC_ACT_UNSPEC'],
  ...['skbPullData', 'skbLoadBytes', 'skbStoreBytes', 'skbSetTstamp', 'getSmpProcessorId', 'redirect'],
  ...[
    'xdp',
    'xdpDevmap',
    'socketFilter',
    'cgroupSkbIngress',
    'cgroupSkbEgress',
    'type Xdp',
    'type XdpDevmap',
  ],
  ...['type SocketSkb', 'type CgroupSkb', 'type PacketAccess', 'type SkbFields', 'type Context'],
  ...['XDP_PASS', 'XDP_DROP', 'CGROUP_PASS', 'CGROUP_DROP', 'KEEP_ALL', 'xdpAdjustHead', 'xdpAdjustTail'],
];
const HEADER = `import { ${NAMES.join(', ')} } from '../dsl/lang/index.ts';`;

/** The entry file of a module whose text starts on the second line of `programs/example.ts`, and how to read it. */
export function moduleOf(text: string, others: Readonly<Record<string, string>> = {}) {
  const files = new Map(
    Object.entries({ 'example.ts': text, ...others }).map(([name, body]) => [
      path.join(ROOT, 'programs', name),
      `${HEADER}\n${body}`,
    ]),
  );
  const options = { root: ROOT, readFile: (file: string) => files.get(file) };
  return ['programs/example.ts', options] as const;
}

/** Parses such a module, with other files beside it. */
export const parseText = (text: string, others: Readonly<Record<string, string>> = {}): ParseResult =>
  parseModule(...moduleOf(text, others));

/** The tree of a module that is expected to be right. */
export function treeOf(text: string, others: Readonly<Record<string, string>> = {}): ModuleTree {
  const { tree, diagnostics } = parseText(text, others);
  if (tree === undefined)
    throw new Error(
      diagnostics.map((d) => `${d.span.line}:${d.span.column} ${d.code} ${d.message}`).join('\n'),
    );
  return tree;
}

/** The printed body of a classifier made of these statements; variables lose their numbers. */
export function bodyOf(statements: string, declarations = ''): string[] {
  const tree = treeOf(
    `${declarations}\nexport const example = classifier((skb) => {\n${statements}\nreturn 0;\n});`,
  );
  const lines = printTree(tree).replaceAll(/#\d+/g, '').trimEnd().split('\n');
  const start = lines.indexOf('function example(skb: context): i32 {');
  return lines.slice(start + 1, -2).map((line) => line.slice(2));
}

/** The codes that a module is refused with. */
export const codesOf = (text: string): string[] => parseText(text).diagnostics.map((d) => d.code);

/** The codes that these statements in a classifier are refused with. */
export const codesIn = (statements: string, declarations = ''): string[] =>
  codesOf(`${declarations}\nexport const example = classifier((skb) => {\n${statements}\nreturn 0;\n});`);
