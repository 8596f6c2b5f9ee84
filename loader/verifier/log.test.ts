import { describe, expect, it } from 'vitest';
import type { ProgramImage } from '../../dsl/object/image.ts';
import { explain } from './explain.ts';
import { parseLog, parseStates, pathTo } from './log.ts';
import { describeState } from './values.ts';

const lines = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trimStart())
    .join('\n');

/** Seven instructions on lines 1 to 4; the third is named. */
const image: ProgramImage = {
  name: 'count',
  kind: 'classifier',
  code: new Uint8Array(64),
  relocations: [],
  functions: [],
  lines: [1, 2, 3, 4].map((line, index) => ({
    slot: index * 2,
    file: 'count.ts',
    line,
    column: 3,
    text: `  line ${line} of flow`,
  })),
  names: [{ slot: 2, text: 'flow', variable: true }],
};

/** The same refusal as kernels of several ages tell it. */
const LOGS: Record<string, string> = {
  '5.10': lines(`func#0 @0
    0: R1=ctx(id=0,off=0,imm=0) R10=fp0
    ; line 1 of flow
    0: (61) r2 = *(u32 *)(r1 +8)
    1: R1=ctx(id=0,off=0,imm=0) R2_w=inv(id=0,umax_value=4294967295,var_off=(0x0; 0xffffffff)) R10=fp0
    1: (15) if r2 == 0x0 goto pc+5
    2: R1=ctx(id=0,off=0,imm=0) R2_w=inv(id=0,umin_value=1,umax_value=4294967295,var_off=(0x0; 0xffffffff)) R10=fp0
    2: (85) call bpf_map_lookup_elem#1
    3: R0_w=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0) R10=fp0
    3: (bf) r6 = r0
    4: R0_w=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0) R6_w=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0) R10=fp0
    4: (79) r1 = *(u64 *)(r6 +0)
    R6 invalid mem access 'map_value_or_null'
    processed 5 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
    `),
  '6.1': lines(`0: R1=ctx(off=0,imm=0) R10=fp0
    0: (61) r2 = *(u32 *)(r1 +8)          ; R1=ctx(off=0,imm=0) R2_w=scalar(umax=4294967295,var_off=(0x0; 0xffffffff))
    1: (15) if r2 == 0x0 goto pc+5        ; R2_w=scalar(umax=4294967295,var_off=(0x0; 0xffffffff))
    2: (85) call bpf_map_lookup_elem#1    ; R0_w=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0)
    3: (bf) r6 = r0                       ; R0_w=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0) R6_w=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0)
    4: (79) r1 = *(u64 *)(r6 +0)
    R6 invalid mem access 'map_value_or_null'
    processed 5 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
    `),
  '6.18': lines(`0: R1=ctx() R10=fp0
    ; line 1 of flow @ count.ts:1
    0: (61) r2 = *(u32 *)(r1 +8)          ; R1=ctx() R2=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
    1: (15) if r2 == 0x0 goto pc+5        ; R2=scalar(smin=umin=umin32=1,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
    2: (85) call bpf_map_lookup_elem#1    ; R0=map_value_or_null(id=1,map=flows,ks=4,vs=8)
    3: (bf) r6 = r0                       ; R0=map_value_or_null(id=1,map=flows,ks=4,vs=8) R6=map_value_or_null(id=1,map=flows,ks=4,vs=8)
    4: (79) r1 = *(u64 *)(r6 +0)
    R6 invalid mem access 'map_value_or_null'
    processed 5 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
    `),
};
/** With advice of the kernel's own behind its words. */
LOGS.newer = LOGS['6.18']!.replace(
  'processed 5',
  'Reason: the pointer may be NULL\nAt: 4\nSuggestion: check it\nprocessed 5',
);

describe('a refusal', () => {
  it.each(Object.keys(LOGS))('of Linux %s is told on lines, with names and values', (version) => {
    const { place, message, values, path, mend } = explain(image, LOGS[version]!);
    expect(place).toEqual({ file: 'count.ts', line: 3, column: 3, text: '  line 3 of flow' });
    expect(message).toBe("R6 invalid mem access 'map_value_or_null'");
    expect(values).toHaveLength(1);
    expect(values[0]).toMatchObject({ register: 'r6', name: 'flow' });
    expect(values[0]!.known).toMatch(/^an entry of (a map|flows) \(8 bytes\), or undefined$/);
    expect(path.map((step) => step.kind === 'line' && step.line)).toEqual([1, 2, 3]);
    expect(mend!.name).toBe('unchecked-lookup');
  });

  it('whose log lacks its head is told from there on', () => {
    const cut = LOGS['6.18']!.split('\n').slice(5).join('\n');
    const { place, values, headMissing } = explain(image, cut);
    expect(headMissing).toBe(true);
    expect(place!.line).toBe(3);
    expect(values[0]!.register).toBe('r6');
  });

  it('whose log breaks off before the words has its last line', () => {
    const cut = LOGS['6.1']!.split('\n').slice(0, 6).join('\n');
    const { place, message, mend } = explain(image, cut);
    expect(message).toContain('breaks off');
    expect(place!.line).toBe(3);
    expect(mend).toBeUndefined();
  });

  it('without any instruction has its words', () => {
    const { place, message, path } = explain(
      image,
      'unreachable insn 6\nprocessed 0 insns (limit 1000000)\n',
    );
    expect(message).toBe('unreachable insn 6');
    expect(place!.line).toBe(4);
    expect(path).toEqual([]);
  });

  it('of a program without line table still has words and values', () => {
    const { place, values } = explain({ ...image, lines: [], names: [] }, LOGS['6.18']!);
    expect(place).toBeUndefined();
    expect(values[0]).toMatchObject({ register: 'r6', name: undefined });
  });

  it('whose log is no log at all is passed on', () => {
    expect(explain(image, 'out of luck').message).toBe('out of luck');
    expect(explain(image, '').message).toContain('breaks off');
  });
});

describe('the path', () => {
  it('leaves out branches that were walked before', () => {
    const log = parseLog(
      lines(`0: R1=ctx() R10=fp0
      0: (15) if r1 == 0x0 goto pc+2        ; R1=ctx()
      1: (b7) r0 = 0                        ; R0=0
      2: (95) exit

      from 0 to 3: R1=ctx() R10=fp0
      3: R1=ctx() R10=fp0
      3: (79) r0 = *(u64 *)(r1 +1)
      invalid bpf_context access off=1 size=8
      `),
    );
    expect(pathTo(log, log.visits.length - 1).map((at) => log.visits[at]!.slot)).toEqual([0, 3]);
    expect(log.message).toBe('invalid bpf_context access off=1 size=8');
  });

  it('takes up the youngest of the open branches, and skips those that were safe', () => {
    const log = parseLog(
      lines(`0: (15) if r1 == 0x0 goto pc+4
      1: (15) if r2 == 0x0 goto pc+2
      2: (95) exit
      from 1 to 4: safe
      from 0 to 5: R1=ctx() R10=fp0
      5: (95) exit
      R0 !read_ok
      `),
    );
    expect(pathTo(log, log.visits.length - 1).map((at) => log.visits[at]!.slot)).toEqual([0, 5]);
  });

  it('goes into calls and out of them', () => {
    const log = parseLog(
      lines(`0: (85) call pc+2
      caller:
       R10=fp0
      callee:
       frame1: R1=ctx() R10=fp0
      3: frame1: R1=ctx() R10=fp0
      3: (b7) r0 = 1                        ; frame1: R0=1
      4: (95) exit
      returning from callee:
       frame1: R0=1 R10=fp0
      to caller at 1:
       R0=1 R10=fp0
      1: (71) r0 = *(u8 *)(r0 +0)
      R0 invalid mem access 'scalar'
      `),
    );
    expect(log.visits.map(({ slot, frame }) => [slot, frame])).toEqual([
      [0, 0],
      [3, 1],
      [4, 1],
      [1, 0],
    ]);
  });
});

describe('states', () => {
  it('are taken apart where their values hold spaces and lists', () => {
    const text =
      'R0_w=P0 R2_rw=inv(id=0,umax_value=7,var_off=(0x0; 0x7)) R10=fp0 fp-8_w=mmmmmmmm fp-16=map_value(map=a,ks=4,vs=8) refs=2';
    expect([...parseStates(text)]).toEqual([
      ['R0', 'P0'],
      ['R2', 'inv(id=0,umax_value=7,var_off=(0x0; 0x7))'],
      ['R10', 'fp0'],
      ['fp-8', 'mmmmmmmm'],
      ['fp-16', 'map_value(map=a,ks=4,vs=8)'],
    ]);
  });

  it.each([
    ['7', '7'],
    ['0x10', '16'],
    ['P3', '3'],
    ['invP8', '8'],
    ['scalar()', 'any number'],
    ['inv(id=0)', 'any number'],
    ['scalar(umax=255,var_off=(0x0; 0xff))', 'a number from 0 to 255'],
    ['Pscalar(umin=1,umax=8)', 'a number from 1 to 8'],
    ['inv(id=0,umin_value=2,umax_value=9,var_off=(0x0; 0xf))', 'a number from 2 to 9'],
    ['scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))', 'any 32-bit number'],
    ['scalar(smin=-4,smax=4)', 'a number from -4 to 4'],
    ['scalar(umin=9)', 'a number of at least 9'],
    ['ctx(id=0,off=0,imm=0)', 'the context'],
    ['pkt(id=0,off=14,r=34,imm=0)', 'the packet + 14'],
    ['pkt_end()', "the packet's end"],
    ['map_value(map=wait.bss,ks=4,vs=8)', 'the globals'],
    ['map_value(off=8,ks=4,vs=16,umax=7)', 'an entry of a map (16 bytes) + 8 + a number from 0 to 7'],
    ['fp-16', 'the stack'],
    ['trusted_ptr_task()', 'trusted_ptr_task()'],
  ])('%s is %s', (state, words) => expect(describeState(state)).toBe(words));
});
