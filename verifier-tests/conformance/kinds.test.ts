/** The tables of contexts and helpers against the verifier: what each kind of program may read, write and call. */
import { describe, expect, test } from 'vitest';
import { CONTEXTS, HELPERS, isAvailable } from '../../dsl/machine/index.ts';
import { PROGRAM_TYPES, type ProgramKind } from '../../dsl/object/image.ts';
import { encode, type Instruction } from '../../dsl/object/instruction.ts';
import { exit, helper, load, mov, store } from '../../dsl/vm/instruction-vectors/build.ts';
import { programInfo } from '../../loader/bpf/info.ts';
import { loadProgram } from '../../loader/bpf/program.ts';
import { VerifierError } from '../../loader/errors.ts';
import { closeDescriptor } from '../../loader/native/files.ts';

const kinds = Object.keys(PROGRAM_TYPES) as ProgramKind[];

/** What the verifier says of a program; the empty string where it takes it. */
function refusal(kind: ProgramKind, body: readonly Instruction[]): string {
  const code = encode([...body, mov(0, 1), exit]);
  try {
    closeDescriptor(loadProgram({ name: 'kind', kind, code, license: 'GPL' }));
    return '';
  } catch (error) {
    if (error instanceof VerifierError) return error.log;
    throw error;
  }
}

describe.each(kinds)('a program of the kind %s', (kind) => {
  const { fields, struct } = CONTEXTS[kind];
  // Every field that any kind with the same context has.
  const every = Object.values(CONTEXTS)
    .filter((table) => table.struct === struct)
    .flatMap((table) => table.fields)
    .filter((field, index, all) => all.findIndex(({ name }) => name === field.name) === index);

  test.each(every.map((field) => [field.name, field] as const))(
    'reads and writes %s as the table says',
    (name, field) => {
      const row = fields.find((one) => one.name === name);
      const size = field.size === 8 ? 'double' : 'word';
      expect(refusal(kind, [load(size, 2, 1, field.offset)]) === '').toBe(row !== undefined);
      expect(refusal(kind, [store(size, 1, field.offset, 0)]) === '').toBe(row?.writable ?? false);
    },
  );

  test.each(HELPERS.map((row) => [row.name, row] as const))('calls %s if the table says so', (_, row) => {
    const log = refusal(kind, [helper(row.id)]);
    // A helper that is there is refused for its arguments at most.
    const missing = /unknown func|cannot use helper/.test(log);
    expect(!missing, log).toBe(isAvailable(row, kind));
  });

  test('has the packet pointers that the table says, to write through or to read only', () => {
    const { data } = CONTEXTS[kind];
    const start = data?.start ?? (struct === 'xdp_md' ? 0 : 76);
    expect(refusal(kind, [load('word', 2, 1, start)]) === '').toBe(data !== undefined);
    if (data === undefined) return;
    const guarded = (access: Instruction): readonly Instruction[] => [
      load('word', 2, 1, data.start),
      load('word', 3, 1, data.end),
      { opcode: 0xbf, dst: 4, src: 2, offset: 0, imm: 0 },
      { opcode: 0x07, dst: 4, src: 0, offset: 0, imm: 8 },
      { opcode: 0x2d, dst: 4, src: 3, offset: 1, imm: 0 },
      access,
    ];
    expect(refusal(kind, guarded(load('word', 5, 2, 0)))).toBe('');
    expect(refusal(kind, guarded(store('word', 2, 0, 0))) === '').toBe(data.writable);
  });

  test.each([-1, 0, 1, 2, 3, 4])('may return %i if the verifier bounds results so', (value) => {
    const { lowest, highest, enforced } = CONTEXTS[kind].results;
    const code = encode([mov(0, value), exit]);
    const fits = BigInt(value) >= lowest && BigInt(value) <= highest;
    const attempt = (): void => closeDescriptor(loadProgram({ name: 'kind', kind, code, license: 'GPL' }));
    if (fits || !enforced) attempt();
    else expect(attempt).toThrow(VerifierError);
  });

  test('is of the type that the kernel shows', () => {
    const fd = loadProgram({ name: 'kind', kind, code: encode([mov(0, 1), exit]), license: 'GPL' });
    try {
      expect(programInfo(fd).type).toBe(PROGRAM_TYPES[kind].id);
    } finally {
      closeDescriptor(fd);
    }
  });
});
