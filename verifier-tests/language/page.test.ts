/** docs/language.md holds to what the compiler does: every example is compiled, and run in all three executions. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../../dsl/compiler/index.ts';
import { CONTEXTS, HELPERS } from '../../dsl/machine/index.ts';
import { encodeStruct } from '../../loader/object/values.ts';
import { inKernel } from '../differential/in-kernel.ts';
import { interpreted, virtual } from '../differential/models.ts';
import { type Contents, type Execution, type Step, stayOnFirstCpu } from '../differential/world.ts';
import { type Block, blocksOf, type ExampleRun } from './blocks.ts';

const root = path.resolve(import.meta.dirname, '../..');
const page = readFileSync(path.join(root, 'docs/language.md'), 'utf8');
const blocks = blocksOf(page);

beforeAll(stayOnFirstCpu);

function compiled(block: Block) {
  const entry = path.join(root, 'docs/example.ts');
  return compile(entry, {
    root,
    seams: 'memory',
    readFile: (file) => (file === entry ? block.text : undefined),
  });
}

function stepOf(run: ExampleRun, only: string): Step {
  const number = (name: string): number => Number(run.given.get(name) ?? 0n);
  const { given } = run;
  return {
    program: run.program ?? only,
    packet: run.packet,
    fields: {
      mark: number('mark'),
      priority: number('priority'),
      tstamp: given.get('tstamp') ?? 0n,
      gsoSegs: number('gsoSegs'),
      gsoSize: number('gsoSize'),
    },
    now: given.get('now') ?? 0n,
    coarse: given.get('coarse') ?? 0n,
    ticks: given.get('ticks') ?? 0n,
    random: number('random'),
  };
}

/** What the page promises of a run, and what an execution did, of the fields that the page names. */
function promised(run: ExampleRun) {
  return {
    verdict: run.verdict,
    fields: Object.fromEntries(run.expected),
    ...(run.packetAfter === undefined ? {} : { packet: run.packetAfter }),
  };
}

function observed(run: ExampleRun, execution: Execution, only: string) {
  const outcome = execution.run(stepOf(run, only));
  const all: Readonly<Record<string, bigint>> = {
    mark: BigInt(outcome.mark),
    priority: BigInt(outcome.priority),
    tstamp: outcome.tstamp,
  };
  return {
    verdict: outcome.verdict,
    fields: Object.fromEntries([...run.expected.keys()].map((name) => [name, all[name]])),
    ...(run.packetAfter === undefined ? {} : { packet: outcome.packet.slice(0, run.packetAfter.length) }),
  };
}

describe.each(blocks.map((block) => [block.line, block] as const))('the example at line %i', (_, block) => {
  const { object, tree, diagnostics } = compiled(block);
  const errors = diagnostics.map((each) => `${each.span.line} ${each.code}`);

  test('compiles, but for the lines that say otherwise', () => {
    expect(errors, diagnostics.map((each) => each.message).join('\n')).toEqual(block.errors);
    expect(block.errors.length + block.runs.length, 'an example shows an error or a run').toBeGreaterThan(0);
    expect(block.errors.length === 0 || block.runs.length === 0, 'what is refused cannot run').toBe(true);
  });

  if (object === undefined || tree === undefined) return;
  const rodata = object.sections.find(({ name }) => name === '.rodata')?.variables[0]?.layout;
  const contents: Contents =
    rodata === undefined || block.settings.size === 0
      ? new Map()
      : new Map([['.rodata' as const, encodeStruct(rodata, Object.fromEntries(block.settings))]]);
  const only = object.programs[0]?.name ?? '';

  test.each([
    ['interpreter', () => interpreted(tree, object, contents)],
    ['VM', () => virtual(object, contents)],
    ['kernel', () => inKernel(object, contents)],
  ])('does in the %s what its runs say', (_, create) => {
    const execution = create();
    try {
      for (const put of block.puts) execution.put(put);
      for (const run of block.runs)
        expect(observed(run, execution, only), `docs/language.md:${run.line}`).toEqual(promised(run));
      for (const [ring, records] of block.records) expect(execution.state().records[ring]).toEqual(records);
    } finally {
      execution.close();
    }
  });
});

describe('the page', () => {
  const language = ['helpers', 'integers', 'intrinsics', 'layout', 'maps', 'programs'].flatMap((file) =>
    [
      ...readFileSync(path.join(root, `dsl/lang/${file}.ts`), 'utf8').matchAll(
        /^export (?:declare )?(?:function|const|type) (\w+)/gm,
      ),
    ].map((match) => match[1] ?? ''),
  );
  const helpers = HELPERS.map(({ kernelName }) => kernelName);
  const fields = Object.values(CONTEXTS).flatMap((table) => table.fields.map(({ name }) => name));

  test.each([...new Set([...language, ...helpers, ...fields])])('speaks of %s', (name) => {
    expect(page).toMatch(new RegExp(`\\b${name}\\b`));
  });
});
