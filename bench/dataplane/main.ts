/**
 * `npm run bench -- dataplane [--json]`: nanoseconds a packet over an empty program, natra's bytecode beside the same
 * logic in C through clang -O2 (twin.c), by BPF_PROG_TEST_RUN in turns within one run.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { dataplaneSettings } from '../../cni/settings.ts';
import { compile } from '../../dsl/compiler/compile.ts';
import { readElf } from '../../dsl/object/elf/read.ts';
import type { ObjectImage } from '../../dsl/object/image.ts';
import { ALU, CLASS, encode, OPCODE_EXIT } from '../../dsl/object/instruction.ts';
import { testRun } from '../../loader/bpf/testrun.ts';
import { type LoadedProgram, loadProgram } from '../../loader/object/load.ts';
import { sectionContents } from '../../loader/object/sections.ts';
import { encodeInto, type StructValue } from '../../loader/object/values.ts';
import { tcpFrame } from './packets.ts';

const ROUNDS = 15;
const REPEAT = 100_000;
const CLANGS = ['clang-19', 'clang'];
/** So fast that nothing here is ever over the rate. */
const UNLIMITED_BITS = 1e12;
const SECOND = 1_000_000_000n;

interface Row {
  readonly name: string;
  readonly frame: Uint8Array;
  /** Over the settings of an unlimited Pod. */
  readonly config?: StructValue;
  readonly state?: (now: bigint) => StructValue;
}

const heavyCells = (now: bigint) => ({ cells: new Array<bigint>(2048).fill(now + 100n * SECOND) });
const inDebt = (now: bigint) => ({ ...heavyCells(now), clock: now + 50n * SECOND });
const patient = { heavyHorizon: 1n << 40n, mouseHorizon: 1n << 40n };

const ROWS: readonly Row[] = [
  { name: 'mouse, IPv4 TCP', frame: tcpFrame() },
  { name: 'mouse, IPv6 TCP', frame: tcpFrame({ version: 6 }) },
  { name: 'mouse, VLAN', frame: tcpFrame({ vlanTags: 1 }) },
  { name: 'mouse, QinQ', frame: tcpFrame({ vlanTags: 2 }) },
  { name: 'heavy, within the rate', frame: tcpFrame({ length: 1514 }), state: heavyCells },
  { name: 'heavy, dropped', frame: tcpFrame({ length: 1514 }), state: inDebt, config: { heavyHorizon: 0n } },
  {
    name: 'heavy, marked',
    frame: tcpFrame({ length: 1514, ecn: 2 }),
    state: inDebt,
    config: { ...patient, rampShift: 0n },
  },
  {
    name: 'heavy, departure time',
    frame: tcpFrame({ length: 1514 }),
    state: inDebt,
    config: { ...patient, rampStart: 1n << 40n, pacing: 1 },
  },
  { name: 'mouse, class', frame: tcpFrame(), config: { pacing: 2 } },
  {
    name: 'heavy, class',
    frame: tcpFrame({ length: 1514 }),
    state: inDebt,
    config: { ...patient, rampStart: 1n << 40n, pacing: 2 },
  },
];

function emptyObject(): ObjectImage {
  const code = encode([
    { opcode: CLASS.alu64 | ALU.mov, dst: 0, src: 0, offset: 0, imm: -1 },
    { opcode: OPCODE_EXIT, dst: 0, src: 0, offset: 0, imm: 0 },
  ]);
  const program = {
    name: 'empty',
    kind: 'classifier',
    code,
    relocations: [],
    functions: [],
    lines: [],
  } as const;
  return { license: 'GPL', maps: [], sections: [], programs: [program] };
}

/** The C twin through the newest clang here; undefined, with the reason said, when there is none. */
function compileTwin(): { readonly object: ObjectImage; readonly compiler: string } | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'natra-twin-'));
  const output = path.join(folder, 'twin.o');
  const source = path.join(import.meta.dirname, 'twin.c');
  const include = `-I/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
  try {
    for (const compiler of CLANGS) {
      try {
        execFileSync(
          compiler,
          ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', include, '-c', source, '-o', output],
          { stdio: 'pipe' },
        );
        return { object: readElf(readFileSync(output)), compiler };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    process.stderr.write(`bench: no ${CLANGS.join(' or ')} here, so the C side is left out\n`);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function natraObject(): ObjectImage {
  const { object, diagnostics } = compile(path.join(import.meta.dirname, '../../programs/ingress.ts'));
  if (object === undefined) throw new Error(`compile programs/ingress.ts: ${diagnostics[0]?.message}`);
  return object;
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
};

interface Side {
  readonly name: string;
  readonly load: (rodata: Uint8Array) => LoadedProgram;
}

/** Median ns a packet of each side, measured in turns. */
function measureRow(row: Row, sides: readonly Side[], natra: ObjectImage): Map<string, number> {
  const section = (name: string) => {
    const found = natra.sections.find((one) => one.name === name);
    if (found === undefined) throw new Error(`bench: natra's object has no ${name}`);
    return found;
  };
  const config = {
    ...dataplaneSettings({ rateBitsPerSecond: UNLIMITED_BITS, pacing: 'police' }),
    seed: 1n,
    ...row.config,
  };
  const rodata = sectionContents(section('.rodata'), { config });
  const stateVariable = section('.bss').variables.find((one) => one.name === 'state');
  const loaded = sides.map((side) => ({ side, program: side.load(rodata), samples: [] as number[] }));
  try {
    for (let round = 0; round <= ROUNDS; round++) {
      for (const { program, samples } of loaded) {
        const bss = program.sections['.bss'];
        if (bss !== undefined && stateVariable !== undefined) {
          const contents = new Uint8Array(bss.valueSize);
          const state = row.state?.(process.hrtime.bigint()) ?? {};
          encodeInto(contents, stateVariable.offset, stateVariable.layout, state, 'state');
          bss.update(new Uint8Array(4), contents);
        }
        const { durationNanoseconds } = testRun(program.fd, { data: row.frame, repeat: REPEAT });
        if (round > 0) samples.push(durationNanoseconds);
      }
    }
    return new Map(loaded.map(({ side, samples }) => [side.name, median(samples)]));
  } finally {
    for (const { program } of loaded) program.close();
  }
}

function main(): void {
  const natra = natraObject();
  const twin = compileTwin();
  const empty = emptyObject();
  const sides: Side[] = [
    { name: 'empty', load: () => loadProgram(empty, 'empty') },
    { name: 'natra', load: (settings) => loadProgram(natra, 'ingress', { settings }) },
  ];
  if (twin !== undefined)
    sides.push({ name: 'clang', load: (settings) => loadProgram(twin.object, 'ingress', { settings }) });
  const rows = ROWS.map((row) => {
    const medians = measureRow(row, sides, natra);
    const over = (side: string): number | undefined => {
      const own = medians.get(side);
      return own === undefined ? undefined : own - (medians.get('empty') ?? 0);
    };
    return { row: row.name, empty: medians.get('empty'), natra: over('natra'), clang: over('clang') };
  });
  if (process.argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ compiler: twin?.compiler, rows })}\n`);
    return;
  }
  process.stdout.write(`ns a packet over an empty program, median of ${ROUNDS} runs of ${REPEAT} packets\n`);
  process.stdout.write(
    `${'packet'.padEnd(26)}${'natra'.padStart(8)}${(twin?.compiler ?? 'clang').padStart(10)}${'ratio'.padStart(8)}\n`,
  );
  for (const { row, natra: own, clang } of rows) {
    const ratio = own !== undefined && clang !== undefined ? (own / clang).toFixed(2) : '-';
    process.stdout.write(
      `${row.padEnd(26)}${String(own).padStart(8)}${String(clang ?? '-').padStart(10)}${ratio.padStart(8)}\n`,
    );
  }
}

main();
