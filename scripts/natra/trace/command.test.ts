import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { UsageError } from '../../../dsl/cli/output.ts';
import { frameNamed } from '../../../verifier-tests/parser/frames.ts';
import { pcapOf } from '../../../verifier-tests/parser/tshark.ts';
import { traceCommand } from './command.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'natra-trace-'));
afterAll(() => rmSync(folder, { recursive: true }));

const LANGUAGE = path.relative(folder, path.resolve(import.meta.dirname, '../../../dsl/lang/index.ts'));
const frames = ['untagged, ARP', 'QinQ, IPv4, TCP'].map(frameNamed);
const capture = path.join(folder, 'two.pcap');
writeFileSync(capture, pcapOf(frames));

const program = path.join(folder, 'count.ts');
writeFileSync(
  program,
  `import { be16, classifier, clock, global, settings, struct, u32, u64 } from '${LANGUAGE}';
const state = global(struct({ packets: u64, last: u64 }));
const config = settings(struct({ most: u32 }));
const Ethernet = struct({ a: be16, b: be16, c: be16 });
export const count = classifier((skb) => {
  state.packets += 1n;
  const packets = u32(state.packets);
  state.last = clock.now();
  if (packets > config.most) return 2;
  const start = skb.at(Ethernet, 0);
  if (start === undefined) return 0;
  start.c = 7;
  skb.mark = packets + start.a;
  return -1;
});
`,
);

function run(...argv: string[]): { readonly status: number; readonly out: string } {
  let out = '';
  const status = traceCommand([program, '--pcap', capture, ...argv], {
    out: (text) => {
      out += text;
    },
    error: (text) => {
      throw new Error(text);
    },
  });
  return { status, out };
}

const settings = path.join(folder, 'settings.json');
writeFileSync(settings, '{ "config": { "most": 1 } }');

test('each line that a packet takes is there, with its values and the way of its condition', () => {
  const { status, out } = run('--settings', settings, '--packet', '1');
  expect(status).toBe(0);
  const lines = out.split('\n');
  expect(lines[0]).toBe(`packet 1, ${frames[0]!.length} bytes, at 0.000000000: count`);
  expect(lines).toContain('      7  const packets = u32(state.packets);    // packets = 1');
  expect(lines).toContain(
    '      9  if (packets > config.most) return 2;    // packets > config.most is false',
  );
  expect(out).toMatch(/ {5}10 {2}const start = skb\.at\(Ethernet, 0\); {4}\/\/ start = \S+ at packet\+0\n/);
  expect(out).toContain('  verdict: TC_ACT_UNSPEC (-1)\n');
  expect(lines).toContain('      8  state.last = clock.now();    // state.last = 0');
  expect(lines).toContain('     13  skb.mark = packets + start.a;    // mark = 513');
  expect(lines).toContain('     14  return -1;    // return -1');
  expect(out).toContain('  mark: 0 -> 513\n  byte 5: 01 -> 07\n');
});

test.each([
  ['xdp', 'XDP_DROP (1)'],
  ['cgroupSkbEgress', 'CGROUP_PASS (1)'],
  ['socketFilter', 'KEEP_ALL (4294967295)'],
])('a program of the kind %s sees packets as the kernel shows them to it', (kind, verdict) => {
  const file = path.join(folder, `${kind}.ts`);
  const programs: Readonly<Record<string, string>> = {
    xdp: 'xdpAdjustHead(packet, 4) === 0n && packet.rxQueueIndex === 0 && packet.linearLength + 4 === LENGTH ? 1 : 2',
    cgroupSkbEgress: 'packet.protocol === 0x0806 && packet.len + 14 === LENGTH ? 1 : 0',
    socketFilter: 'packet.protocol === 0x0806 && packet.len + 14 === LENGTH ? KEEP_ALL : 0',
  };
  const body = programs[kind]!.replace('LENGTH', String(frames[0]!.length));
  writeFileSync(
    file,
    `import { KEEP_ALL, ${kind}, xdpAdjustHead } from '${LANGUAGE}';
export const first = ${kind}((packet) => (${body}));
`,
  );
  let out = '';
  const output = { out: (text: string) => (out += text), error: () => undefined };
  expect(traceCommand([file, '--pcap', capture, '--packet', '1'], output)).toBe(0);
  expect(out).toContain(`verdict: ${verdict}\n`);
  expect(out.includes(`length: ${frames[0]!.length} -> ${frames[0]!.length - 4}\n`)).toBe(kind === 'xdp');
});

test('a packet that no XDP program can see is told of, and the next ones run', () => {
  const file = path.join(folder, 'large.ts');
  writeFileSync(
    file,
    `import { xdp } from '${LANGUAGE}';\nexport const every = xdp((packet) => (packet.linearLength > 0 ? 2 : 1));\n`,
  );
  const large = path.join(folder, 'large.pcap');
  writeFileSync(large, pcapOf([new Uint8Array(9000), frames[0]!]));
  let out = '';
  const output = { out: (text: string) => (out += text), error: () => undefined };
  expect(traceCommand([file, '--pcap', large], output)).toBe(1);
  expect(out).toContain('verdict: stopped: a packet of xdp programs has 3520 bytes at most\n');
  expect(out).toContain('verdict: XDP_PASS (2)\n');
});

test('state lasts from packet to packet', () => {
  const { out } = run('--settings', settings, '--packet', '2');
  expect(out).toContain('packets > config.most is true');
  expect(out).toContain('verdict: TC_ACT_SHOT (2)');
  expect(out).not.toContain('start');
});

test('settings that are not given are zero', () => {
  expect(run().out.match(/verdict: TC_ACT_SHOT/g)).toHaveLength(2);
});

test('as JSON it is a list with an object for each packet', () => {
  const [first, second] = JSON.parse(run('--settings', settings, '--json').out);
  expect(first).toMatchObject({ number: 1, now: '0', verdict: -1, length: frames[0]!.length });
  expect(first.steps[1]).toMatchObject({
    line: 7,
    text: 'const packets = u32(state.packets);',
    events: [{ kind: 'value', name: 'packets', value: '1' }],
  });
  expect(second.verdict).toBe(2);
  expect(JSON.parse(run('--packet', '9', '--json').out)).toEqual([]);
});

test('the capture says what time it is', () => {
  const later = path.join(folder, 'later.pcap');
  const bytes = Buffer.from(pcapOf(frames));
  bytes.writeUInt32LE(1_700_000_000, 24);
  writeFileSync(later, bytes);
  let out = '';
  traceCommand([program, '--pcap', later], { out: (text) => (out += text), error: () => undefined });
  expect(out).toContain('packet 1, 42 bytes, at 1700000000.'.replace('42', String(frames[0]!.length)));
  // A clock never goes back.
  expect(out).toContain(`packet 2, ${frames[1]!.length} bytes, at 1700000000.`);
});

test("the dataplane's settings come from a rate", () => {
  let out = '';
  const status = traceCommand(
    ['programs/limit.ts', '--pcap', capture, '--rate', '10M', '--pacing', 'police'],
    {
      out: (text) => (out += text),
      error: () => undefined,
    },
  );
  expect(status).toBe(0);
  expect(out).toContain('programs/parse.ts');
  expect(out).toMatch(/verdict: TC_ACT_UNSPEC/);
});

test.each([
  [['--packet', 'x'], '--packet x: it must be'],
  [['--program', 'other'], '--program other: no program is named so; there are count'],
  [['--settings', '/nonexistent'], '--settings /nonexistent: ENOENT'],
  [['--rate', 'fast'], '--rate fast: it must be a number'],
  [['--rate', '1'], '--rate 1: it must be from 1k'],
  [['--rate', '1M', '--pacing', 'luck'], '--pacing luck: it must be edt, queue, police'],
  [['--rate', '1M', '--settings', settings], '--settings and --rate: give one of them'],
  [['--rate', '1M'], 'config has no field'],
  [['--pcap', '/nonexistent'], 'read /nonexistent'],
  [['--wrong'], 'trace: Unknown option'],
])('%j is refused in words', (argv, words) => {
  expect(() => run(...argv)).toThrow(UsageError);
  expect(() => run(...argv)).toThrow(words);
});

test('packets that the capture has not are refused', () => {
  expect(() => run('--packet', '3')).toThrow(new UsageError('--packet 3: the capture has packets 1 to 2'));
  expect(() => run('--packet', '2-1')).toThrow(
    new UsageError('--packet 2-1: the range ends before it begins'),
  );
});
