/** Model maps, through the VM, against the kernel's on random sequences of a program's operations. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isValueMap } from '../../dsl/machine/maps.ts';
import { Skb } from '../../dsl/machine/skb.ts';
import { testRunContext } from '../../dsl/machine/test-run.ts';
import type { MapImage, ProgramImage } from '../../dsl/object/image.ts';
import { encode, type Instruction, LDDW } from '../../dsl/object/instruction.ts';
import {
  alu,
  aluR,
  exit,
  goto,
  helper,
  jump,
  lddw,
  load,
  mov,
  storeR,
} from '../../dsl/vm/instruction-vectors/build.ts';
import { createVm } from '../../dsl/vm/vm.ts';
import { possibleCpus } from '../../loader/bpf/cpus.ts';
import { createMap, type MapHandle } from '../../loader/bpf/map.ts';
import { loadProgram } from '../../loader/bpf/program.ts';
import { testRun } from '../../loader/bpf/testrun.ts';
import { closeDescriptor } from '../../loader/native/files.ts';

const NO_PREALLOC = 1;

/** What a program is told to do: its mark is the operation and flags, its priority the first key word. */
interface Operation {
  readonly kind: 'lookup' | 'update' | 'delete';
  readonly flags: number;
  readonly key: number;
  readonly rest: number;
}
const KINDS = ['lookup', 'update', 'delete'] as const;

const fd = (dst: number, value: number): readonly Instruction[] =>
  lddw(dst, BigInt(value)).map((one, half) => (half === 0 ? { ...one, src: LDDW.mapFd } : one));
const at = (dst: number, offset: number): readonly Instruction[] => [
  aluR('mov', dst, 10),
  alu('add', dst, offset),
];

/** Does the operation of mark and priority on the map, and leaves the CPU in mark; the value is the key twice. */
function operate(map: number): { readonly code: Uint8Array; readonly slots: readonly number[] } {
  const arguments_ = [
    load('word', 6, 1, 8),
    load('word', 7, 1, 32),
    load('double', 8, 1, 152),
    storeR('word', 10, -16, 7),
    storeR('word', 10, -12, 8),
    storeR('word', 10, -8, 7),
    storeR('word', 10, -4, 7),
    aluR('mov', 8, 6),
    alu('rsh', 8, 8),
    alu('and', 6, 0xff),
    aluR('mov', 9, 1),
    helper(8),
    storeR('word', 9, 8, 0),
  ];
  const lookup = [
    ...fd(1, map),
    ...at(2, -16),
    helper(1),
    jump('eq', 0, 0, 2),
    load('word', 0, 0, 0),
    goto(1),
    mov(0, -1),
    exit,
  ];
  const update = [...fd(1, map), ...at(2, -16), ...at(3, -8), aluR('mov', 4, 8), helper(2), exit];
  const remove = [...fd(1, map), ...at(2, -16), helper(3), exit];
  const body = [
    ...arguments_,
    jump('eq', 6, 1, lookup.length + 1),
    jump('eq', 6, 2, lookup.length + update.length),
    ...lookup,
    ...update,
    ...remove,
  ];
  return { code: encode(body), slots: body.flatMap((one, slot) => (one.opcode === 0x18 ? [slot] : [])) };
}

const IMAGES: readonly MapImage[] = (
  [
    ['array', 4],
    ['percpuArray', 4],
    ['hash', 4],
    ['percpuHash', 4],
    ['lpmTrie', 8],
  ] as const
).map(([kind, keySize]) => ({
  name: 'compared',
  kind,
  keySize,
  valueSize: 8,
  maxEntries: 5,
  flags: kind === 'lpmTrie' ? NO_PREALLOC : 0,
}));

/** LRU maps compare while they aren't full: what the kernel evicts is its own affair. */
const LRU: readonly MapImage[] = (['lruHash', 'lruPercpuHash'] as const).map((kind) => ({
  name: 'compared',
  kind,
  keySize: 4,
  valueSize: 8,
  maxEntries: 4096,
  flags: 0,
}));

const operation = fc.record({
  kind: fc.constantFrom(...KINDS, 'update' as const),
  flags: fc.constantFrom(0, 0, 0, 1, 2, 3),
  key: fc.nat(7),
  rest: fc.constantFrom(0, 1, 0x80, 0x0102),
});

const sorted = (entries: Iterable<readonly [string, string]>): readonly (readonly [string, string])[] =>
  [...entries].sort(([a], [b]) => a.localeCompare(b));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const allOf = (values: readonly Uint8Array[]): string => values.map(hex).join(' ');

function compare(image: MapImage, handle: MapHandle, operations: readonly Operation[]): void {
  const onKernel = operate(handle.fd);
  const program: ProgramImage = {
    name: 'operate',
    kind: 'classifier',
    code: onKernel.code,
    relocations: onKernel.slots.map((slot) => ({ slot, target: { kind: 'map', name: image.name } })),
    functions: [],
    lines: [],
  };
  const vm = createVm(
    { license: 'GPL', maps: [image], sections: [], programs: [program] },
    { cpus: possibleCpus() },
  );
  const programFd = loadProgram({ name: 'operate', kind: 'classifier', code: onKernel.code, license: 'GPL' });
  try {
    for (const { kind, flags, key, rest } of operations) {
      const skb = new Skb(new Uint8Array(64), {
        mark: KINDS.indexOf(kind) | (flags << 8),
        priority: key,
        tstamp: BigInt(rest),
      });
      const kernel = testRun(programFd, { data: skb.bytes(), context: testRunContext(skb) });
      vm.cpu = new DataView((kernel.context ?? new Uint8Array(192)).buffer).getUint32(8, true);
      expect(Number(BigInt.asUintN(32, vm.run('operate', skb).r0))).toBe(kernel.result);
    }
  } finally {
    closeDescriptor(programFd);
  }
  const model = vm.maps.get(image.name);
  if (model === undefined || !isValueMap(model)) throw new Error('no values to compare');
  expect(sorted([...model.entries()].map(({ key, values }) => [hex(key), allOf(values)]))).toEqual(
    sorted(handle.entries().map(({ key, values }) => [hex(key), allOf(values)])),
  );
}

test.each([...IMAGES, ...LRU])('a $kind gives and holds what the kernel does', (image) => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 10, maxLength: 40 }), (operations) => {
      const handle = createMap(image);
      try {
        compare(image, handle, operations);
      } finally {
        handle.close();
      }
    }),
    { numRuns: 15 },
  );
});
