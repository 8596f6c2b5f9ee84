/** What mutants are made of: the files of programs/ with something that calls what they export, and the examples. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { openProgram } from '../../dsl/compiler/frontend/program.ts';
import { type Token, tokensOf } from '../differential/token-mutation.ts';
import { type Mutable, mutable } from '../differential/tree-mutation.ts';

export const ROOT = path.resolve(import.meta.dirname, '../..');
const PROGRAMS = path.join(ROOT, 'programs');
const EXAMPLES = path.join(PROGRAMS, 'examples');

/** Bodies of programs that use what the file exports, so that its mutants come to be lowered without all the others. */
const DRIVERS: Readonly<Record<string, string>> = {
  'addresses.ts':
    'const all = addressesOf(skb); skb.tstamp = all.sourceHigh ^ all.destinationLow; skb.mark = all.version;',
  'branchless.ts':
    'const at = asI64(skb.tstamp); skb.tstamp = asU64(greater(positive(at), lesser(at, asI64(skb.hash))));',
  'bucket.ts':
    'const cost = costOf(skb.tstamp); const debt = debtAt(cost, asI64(cost)); payAll(cost, cost); payMouse(cost, debt, cost);' +
    'const wait = packetDelay(packetCostOf(skb.len), cost); payPackets(cost); if (delayOf(debt, cost, 5n) > wait) return 2;',
  'config.ts': 'skb.mark = config.pacing; skb.tstamp = config.credit;',
  'congestion.ts': 'skb.tstamp = congestionShift(asI64(skb.hash), skb.tstamp);',
  'count.ts': 'count(skb.mark, skb.tstamp); countDelay(asI64(skb.tstamp));',
  'departures.ts':
    'const hash = asU64(skb.hash); depart(skb, lastDeparture(hash, skb.tstamp), skb.tstamp, OWN_PACING); keepDeparture(hash, skb.tstamp);',
  'exclusions.ts': 'if (isExcluded(skb)) return 2;',
  'flows.ts': 'sample(skb, skb.tstamp, asU64(skb.hash), asU64(skb.len), 5n, skb.tstamp);',
  'forget.ts': 'skb.tstamp = forget(skb.tstamp); skb.mark = forget32(skb.mark);',
  'hash.ts': 'skb.tstamp = flowHash(foldAddresses(skb.tstamp, asU64(skb.hash), 3n, 4n), asU64(skb.mark));',
  'headers.ts': 'const ip = skb.at(IPv6, 14); if (ip !== undefined) skb.tstamp = ip.sourceHigh;',
  'lateness.ts': 'skb.tstamp = lateness(asI64(skb.tstamp), asU64(skb.hash));',
  'mark.ts':
    'const network = { type: asU16(skb.mark), offset: asU8(skb.len) }; if (ecnOf(skb, network) > 0) markCe(skb, network);',
  'parse.ts':
    'const packet = parse(skb); skb.tstamp = packet.addresses ^ packet.transport; if (isVital(packet)) return 2;',
  'sketch.ts':
    'const now = skb.tstamp; const cells = cellsOf(asU64(skb.hash));' +
    'charge(cells, estimate(smallestOf(cells), fillingOf(asU64(skb.len), 1n), now)); skb.tstamp = shareAt(now, asU64(skb.mark));',
  'state.ts': 'state.cells[skb.hash & (COLUMNS - 1)] = state.clock.time;',
  'time.ts': 'skb.tstamp = tickTime();',
  'verdicts.ts': 'skb.mark = MARKED;',
  'wire.ts': 'skb.mark = wireBytes(skb, skb.hash) + segmentsOf(skb);',
};

const DRIVER_IMPORTS = 'classifier as program, i64 as asI64, u8 as asU8, u16 as asU16, u64 as asU64'.split(
  ', ',
);

/** How often a mutant is made of a file, beside the others: those of which the compiler takes long are tried less. */
const QUICK = 60;
const SLOW = 8;
const WHOLE = 1;
const WEIGHTS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    ['addresses', 'bucket', 'exclusions', 'flows', 'mark', 'wire', 'examples/connect-latency'].map((name) => [
      `${name}.ts`,
      SLOW,
    ]),
  ),
  ...Object.fromEntries(['key', 'limit', 'parse'].map((name) => [`${name}.ts`, WHOLE])),
};

export interface MutationSource {
  readonly file: string;
  readonly tokens: readonly Token[];
  readonly tree: Mutable;
  readonly weight: number;
}

function withDriver(name: string, text: string): string {
  const body = DRIVERS[name];
  if (body === undefined) return text;
  const used = DRIVER_IMPORTS.filter((each) => `program ${body}`.includes(each.split(' ').at(-1) ?? each));
  return `${text}import { ${used.join(', ')} } from '../dsl/lang/index.ts';
export const driver = program((skb) => { ${body} return 0; });
`;
}

function sourceOf(file: string): MutationSource {
  const name = path.relative(PROGRAMS, file);
  const text = withDriver(name, readFileSync(file, 'utf8'));
  const { program } = openProgram(file, ROOT, (read) => (read === file ? text : undefined), []);
  const parsed = program.getSourceFile(file);
  if (parsed === undefined)
    throw new Error(`read ${file} to make mutants of it: it is no part of its own program`);
  return {
    file,
    tokens: tokensOf(text),
    tree: mutable(parsed, program.getTypeChecker()),
    weight: WEIGHTS[name] ?? QUICK,
  };
}

export const mutationSources = (): readonly MutationSource[] =>
  [PROGRAMS, EXAMPLES].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /^[\w-]+\.ts$/.test(name))
      .map((name) => sourceOf(path.join(folder, name))),
  );
