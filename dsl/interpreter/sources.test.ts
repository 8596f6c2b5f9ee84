import path from 'node:path';
import { expect, test } from 'vitest';
import { parseModule } from '../compiler/frontend/index.ts';
import { Clock } from '../machine/clock.ts';
import { isValueMap } from '../machine/maps.ts';
import { Skb } from '../machine/skb.ts';
import { createCoverage } from './coverage.ts';
import { createInterpreter, type InterpreterOptions } from './index.ts';

/** An IPv4 UDP packet from 10.0.0.1:1000 to 10.0.0.2:53, of 60 bytes. */
const packet = (): Skb => {
  const bytes = new Uint8Array(60);
  bytes.set([8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 3, 0xe8, 0, 53], 12);
  return new Skb(bytes);
};

/** Interprets a source whose program is `program`; the language's names are imported for it. */
function interpret(names: string, source: string, options: InterpreterOptions = {}) {
  const entry = path.resolve('programs/sample.ts');
  const text = `import { ${names} } from '../dsl/lang/index.ts';\n${source}`;
  const { tree, diagnostics } = parseModule(entry, {
    readFile: (file) => (file === entry ? text : undefined),
  });
  if (tree === undefined) throw new Error(JSON.stringify(diagnostics, null, 2));
  return { tree, interpreter: createInterpreter(tree, options) };
}

function verdict(names: string, source: string): number {
  return interpret(names, source).interpreter.run('program', packet()).verdict;
}

test('integers wrap at their width, division by zero is 0, modulo by zero the dividend', () => {
  expect(
    verdict(
      'classifier, i32, u8, u32, global, struct',
      `const state = global(struct({ zero: u32 }));
       export const program = classifier((skb) => {
         const wrapped = u8(skb.len + 250);
         const quotient = 7 / state.zero;
         const rest = 7 % state.zero;
         return i32(u32(wrapped) * 100 + quotient * 10 + rest);
       });`,
    ),
  ).toBe(((60 + 250) % 256) * 100 + 7);
});

test('a header is read through its layout, and a record returned from a function has its fields', () => {
  expect(
    verdict(
      'classifier, i32, be16, u8, packed, array, type Skb, type u32',
      `const IPv4 = packed({ start: array(u8, 9), protocol: u8, rest: array(u8, 10), source: be16, port: be16 });
       function ports(skb: Skb): { readonly protocol: u32; readonly port: u32 } {
         const ip = skb.at(IPv4, 14);
         if (ip === undefined) return { protocol: 0, port: 0 };
         return { protocol: ip.protocol, port: ip.port };
       }
       export const program = classifier((skb) => {
         const { protocol, port } = ports(skb);
         return i32(protocol * 1000 + port);
       });`,
    ),
  ).toBe(17 * 1000 + 53);
});

test('a map keeps its values from packet to packet', () => {
  const { interpreter } = interpret(
    'classifier, hashMap, struct, u32, u64, TC_ACT_OK',
    `const Key = struct({ port: u32 });
     const flows = hashMap({ key: Key, value: struct({ packets: u64 }), maxEntries: 4 });
     export const program = classifier((skb) => {
       const flow = flows.lookup({ port: skb.len });
       if (flow === undefined) flows.update({ port: skb.len }, { packets: 1n });
       else flow.packets += 1n;
       return TC_ACT_OK;
     });`,
  );
  for (let round = 0; round < 3; round++) interpreter.run('program', packet());
  const flows = interpreter.maps.get('flows')!;
  expect(isValueMap(flows) && [...flows.entries()].map(({ values }) => values[0]![0])).toEqual([3]);
});

test('ranges, breaks and the clock', () => {
  const { interpreter } = interpret(
    'classifier, clock, i32, range',
    `export const program = classifier(() => {
       let sum = 0n;
       for (const i of range(10)) {
         if (i === 4) break;
         if (i === 1) continue;
         sum += clock.now() - clock.coarse();
       }
       return i32(sum);
     });`,
    { clock: new Clock(1007n, 1000n) },
  );
  expect(interpreter.run('program', packet()).verdict).toBe(3 * 7);
});

test('an error names the line of the source', () => {
  const { interpreter } = interpret(
    'classifier, TC_ACT_OK',
    `export const program = classifier((skb) => {
       skb.mark = 1;
       return TC_ACT_OK;
     });`,
    { stepLimit: 1 },
  );
  expect(() => interpreter.run('program', packet())).toThrow(/programs\/sample\.ts:4:\d+: .*step limit/);
});

test('coverage of a limiter program counts its lines', () => {
  const { tree } = parseModule('programs/limit.ts');
  const coverage = createCoverage(tree!);
  const interpreter = createInterpreter(tree!, { hooks: coverage.hooks });
  interpreter.run('limit', packet());
  const parse = coverage.report().get('programs/parse.ts')!;
  const ran = [...parse.lines.values()].filter((count) => count > 0).length;
  expect(ran).toBeGreaterThan(5);
  expect(ran).toBeLessThan(parse.lines.size);
});
