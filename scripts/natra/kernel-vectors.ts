/** Runs instruction vectors on the kernel: the same conventions as in the VM, all 64 bits of r0 read back. */
import {
  ALU,
  CALL,
  CLASS,
  decode,
  encode,
  type Instruction,
  JMP,
  LDDW,
  MODE,
  OPCODE_CALL,
  OPCODE_EXIT,
  OPCODE_LDDW,
  SIZE,
  SLOT_BYTES,
} from '../../dsl/object/instruction.ts';
import { bytesOf, readVectors, type Vector, type VectorResults } from '../../dsl/vm/vectors.ts';
import { createMap, type MapHandle } from '../../loader/bpf/map.ts';
import { loadProgram } from '../../loader/bpf/program.ts';
import { testRun } from '../../loader/bpf/testrun.ts';
import { isErrno, KernelError, VerifierError } from '../../loader/errors.ts';
import { closeDescriptor } from '../../loader/native/files.ts';

const FIRST = new Uint8Array(4);
const PACKET = new Uint8Array(64);

const slot = (opcode: number, fields: Partial<Instruction> = {}): Instruction => ({
  opcode,
  dst: 0,
  src: 0,
  offset: 0,
  imm: 0,
  ...fields,
});
const move = (dst: number, imm: number): Instruction => slot(CLASS.alu64 | ALU.mov, { dst, imm });
const valueAddress = (dst: number, map: MapHandle): readonly Instruction[] => [
  slot(OPCODE_LDDW, { dst, src: LDDW.mapValue, imm: map.fd }),
  slot(0),
];

/** A one-entry array map whose value is these bytes: memory that the verifier knows the size of. */
function memoryMap(name: string, bytes: Uint8Array): MapHandle {
  const map = createMap({
    name,
    kind: 'array',
    keySize: 4,
    valueSize: bytes.length,
    maxEntries: 1,
    flags: 0,
  });
  map.update(FIRST, bytes);
  return map;
}

/** The slots of a program, the second ones of LDDWs marked: they hold no opcode. */
function slotsOf(code: Uint8Array): { instruction: Instruction; data: boolean }[] {
  const slots: { instruction: Instruction; data: boolean }[] = [];
  for (let at = 0; (at + 1) * SLOT_BYTES <= code.length; at += 1) {
    const previous = slots.at(-1);
    const data = previous?.instruction.opcode === OPCODE_LDDW && !previous.data;
    slots.push({ instruction: decode(code, at), data });
  }
  return slots;
}

const isLocalCall = ({ opcode, src }: Instruction): boolean => opcode === OPCODE_CALL && src === CALL.local;

/**
 * Puts the vector's conventions around its code: r1 and r2 before it, and in place of its exits a jump to an epilogue
 * that stores r0, since a test run reports 32 bits of it. The epilogue ends the first function; calls from there into
 * the functions behind it reach that much further.
 */
function harness(code: Uint8Array, memory: MapHandle | undefined, result: MapHandle): Uint8Array {
  const slots = slotsOf(code);
  const targets = slots.flatMap(({ instruction, data }, at) =>
    !data && isLocalCall(instruction) ? [at + 1 + instruction.imm] : [],
  );
  const end = Math.min(slots.length, ...targets);
  const epilogue = [
    ...valueAddress(1, result),
    slot(CLASS.stx | SIZE.double | MODE.mem, { dst: 1, src: 0 }),
    move(0, 0),
    slot(OPCODE_EXIT),
  ];
  const body = slots.map(({ instruction, data }, at): Instruction => {
    if (data || at >= end) return instruction;
    if (instruction.opcode === OPCODE_EXIT) return slot(CLASS.jmp | JMP.ja, { offset: end - at - 1 });
    return isLocalCall(instruction)
      ? { ...instruction, imm: instruction.imm + epilogue.length }
      : instruction;
  });
  return encode([
    ...(memory ? valueAddress(1, memory) : [move(1, 0)]),
    move(2, memory?.valueSize ?? 0),
    ...body.slice(0, end),
    ...epilogue,
    ...body.slice(end),
  ]);
}

/** r0 of one vector. Throws a KernelError when the verifier refuses it. */
export function runVectorOnKernel(vector: Vector): bigint {
  const closers: (() => void)[] = [];
  const opened = (map: MapHandle): MapHandle => {
    closers.push(() => map.close());
    return map;
  };
  try {
    const bytes = bytesOf(vector.memory);
    const memory = bytes.length > 0 ? opened(memoryMap('memory', bytes)) : undefined;
    const result = opened(memoryMap('result', new Uint8Array(8)));
    const code = harness(bytesOf(vector.program), memory, result);
    const fd = loadProgram({ name: 'vector', kind: 'classifier', code, license: 'GPL' });
    closers.push(() => closeDescriptor(fd));
    testRun(fd, { data: PACKET });
    const stored = result.lookup(FIRST) ?? new Uint8Array(8);
    return new DataView(stored.buffer, stored.byteOffset).getBigUint64(0, true);
  } finally {
    for (const close of closers.reverse()) close();
  }
}

/** What the verifier objected to: the last line of its log but for the statistics. */
function reasonOf(error: KernelError): string {
  if (!(error instanceof VerifierError)) return error.message;
  const lines = error.log.trimEnd().split('\n');
  return lines.findLast((line) => !line.startsWith('processed ')) ?? error.message;
}

/** Runs each vector of a file on this kernel; what its verifier refuses is a refusal. */
export function runVectorsOnKernel(file: string): VectorResults {
  const passes: string[] = [];
  const mismatches: { name: string; expected: bigint; r0: bigint }[] = [];
  const refusals: { name: string; reason: string }[] = [];
  for (const vector of readVectors(file)) {
    const expected = BigInt(vector.expected);
    try {
      const r0 = runVectorOnKernel(vector);
      if (r0 === expected) passes.push(vector.name);
      else mismatches.push({ name: vector.name, expected, r0 });
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      // Whoever may not ask has no answer to any vector.
      if (!(error instanceof VerifierError) && isErrno(error, 'EPERM'))
        throw new Error(`vm --kernel: ${error.message}`, { cause: error });
      refusals.push({ name: vector.name, reason: reasonOf(error) });
    }
  }
  return { passes, mismatches, refusals };
}
