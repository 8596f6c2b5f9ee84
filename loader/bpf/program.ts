/** Program load. Structures: union bpf_attr, include/uapi/linux/bpf.h. */
import { PROGRAM_TYPES, type ProgramKind, type ProgramType } from '../../dsl/object/image.ts';
import { SLOT_BYTES } from '../../dsl/object/instruction.ts';
import { ERRNO, errnoName, KernelError, VerifierError } from '../errors.ts';
import { aligned, lasting, lastingScratch, type Region, textOf, withScratch } from '../native/arena.ts';
import { inTurn, type Work } from '../native/work.ts';
import { bpf, bpfCall, withMemlock, writeName, writePointer } from './call.ts';
import { parseStatistics, type VerifierStatistics } from './statistics.ts';

/** Debug records as bpf(2) takes them: instruction offsets in slots. */
export interface ProgramBtf {
  readonly fd: number;
  readonly functionInfo: Uint8Array;
  readonly lineInfo: Uint8Array;
}

export interface ProgramDescription {
  readonly name: string;
  readonly kind: ProgramKind;
  /** Instruction slots of 8 bytes with map descriptors filled in. */
  readonly code: Uint8Array;
  readonly license: string;
  /** In place of the one that belongs to the kind. */
  readonly expectedAttachType?: number;
  readonly btf?: ProgramBtf;
  /** Told how much work the verifier had, where the kernel accepts the program and counts it (Linux 5.2). */
  readonly onStatistics?: (statistics: VerifierStatistics) => void;
}

const LOAD = {
  type: 0,
  instructionCount: 4,
  instructions: 8,
  license: 16,
  logLevel: 24,
  logSize: 28,
  log: 32,
  name: 48,
  expectedAttachType: 68,
  btfFd: 72,
  functionInfoSize: 76,
  functionInfo: 80,
  functionInfoCount: 88,
  lineInfoSize: 92,
  lineInfo: 96,
  lineInfoCount: 104,
  bytes: 112,
} as const;

/** struct bpf_func_info and struct bpf_line_info. */
const FUNCTION_INFO_BYTES = 8;
const LINE_INFO_BYTES = 16;

/**
 * The first log buffer, the largest, and the largest where the kernel keeps the end of a log that is too long (Linux
 * 6.4). A full buffer makes the kernel answer ENOSPC.
 */
const LOG_BYTES = 1 << 18;
const LOG_BYTES_MAX = 1 << 26;
const LOG_BYTES_ENOUGH = 1 << 22;
const TAIL_LINES = 12;
const TAIL_BYTES = 4096;

/** BPF_LOG_LEVEL1 and BPF_LOG_STATS (include/linux/bpf_verifier.h). */
const LOG_LEVEL = { paths: 1, statistics: 4 } as const;
const STATISTICS_BYTES = 4096;

/**
 * Loads a program and gives its descriptor, while other work goes on. A first attempt asks for no log, which costs time; a
 * refused one is made again with the verifier's log, and the VerifierError carries it whole.
 */
export function* loadingProgram(program: ProgramDescription): Work<number> {
  const result = yield* program.onStatistics
    ? attemptingWithStatistics(program, program.onStatistics)
    : attempting(requestOf(program));
  if (result >= 0) return result;
  if (result === -ERRNO.EAGAIN) throw refusal(program, ERRNO.EAGAIN, '');
  return explain(program, -result);
}

/** The same at once. */
export const loadProgram = (program: ProgramDescription): number => inTurn(loadingProgram(program));

function* attemptingWithStatistics(
  program: ProgramDescription,
  onStatistics: (statistics: VerifierStatistics) => void,
): Work<number> {
  const region = lasting(STATISTICS_BYTES);
  const result = yield* attempting(requestOf(program, { region, level: LOG_LEVEL.statistics }));
  const statistics = result < 0 ? undefined : parseStatistics(textOf(region.bytes));
  if (statistics) onStatistics(statistics);
  return result;
}

function* attempting(request: Region): Work<number> {
  const result = yield bpfCall('programLoad', request);
  // What may go better the second time is for those who try again.
  const mayPass = [-ERRNO.EAGAIN, -ERRNO.EPERM, -ERRNO.ENOMEM].includes(result);
  return mayPass ? withMemlock(() => bpf('programLoad', request)) : result;
}

interface Log {
  readonly region: Region;
  readonly level: number;
}

/** What the kernel is asked, with all that it points to. */
function requestOf(program: ProgramDescription, log?: Log): Region {
  const { code, license, btf } = program;
  const records = btf ? [btf.functionInfo, btf.lineInfo] : [];
  const lengths = [LOAD.bytes, code.length, license.length + 1, ...records.map(({ length }) => length)];
  const memory = lastingScratch(lengths.map(aligned).reduce((sum, size) => sum + size));
  const attributes = memory.allocate(LOAD.bytes);
  const { view } = attributes;
  const { id, attachType = 0 }: ProgramType = PROGRAM_TYPES[program.kind];
  view.setUint32(LOAD.type, id, true);
  view.setUint32(LOAD.instructionCount, code.length / SLOT_BYTES, true);
  writePointer(attributes, LOAD.instructions, memory.copy(code).address);
  writePointer(attributes, LOAD.license, memory.string(license).address);
  writeName(attributes, LOAD.name, program.name);
  view.setUint32(LOAD.expectedAttachType, program.expectedAttachType ?? attachType, true);
  if (btf) {
    view.setUint32(LOAD.btfFd, btf.fd, true);
    view.setUint32(LOAD.functionInfoSize, FUNCTION_INFO_BYTES, true);
    view.setUint32(LOAD.functionInfoCount, btf.functionInfo.length / FUNCTION_INFO_BYTES, true);
    writePointer(attributes, LOAD.functionInfo, memory.copy(btf.functionInfo).address);
    view.setUint32(LOAD.lineInfoSize, LINE_INFO_BYTES, true);
    view.setUint32(LOAD.lineInfoCount, btf.lineInfo.length / LINE_INFO_BYTES, true);
    writePointer(attributes, LOAD.lineInfo, memory.copy(btf.lineInfo).address);
  }
  if (log) {
    view.setUint32(LOAD.logLevel, log.level, true);
    view.setUint32(LOAD.logSize, log.region.bytes.length, true);
    writePointer(attributes, LOAD.log, log.region.address);
  }
  return attributes;
}

/** Loads again with a log, enlarged while it overflows. Gives the descriptor should this attempt succeed. */
function explain(program: ProgramDescription, firstErrno: number): number {
  for (let size = LOG_BYTES; ; size *= 16) {
    const { result, log } = withScratch((memory) => {
      const region = memory.allocate(size);
      const result = inTurn(attempting(requestOf(program, { region, level: LOG_LEVEL.paths })));
      return { result, log: textOf(region.bytes) };
    });
    if (result >= 0) return result;
    const errno = -result;
    const most = /\nprocessed \d+ insns/.test(log.slice(-TAIL_BYTES)) ? LOG_BYTES_ENOUGH : LOG_BYTES_MAX;
    if (errnoName(errno) === 'ENOSPC' && size < most) continue;
    // Where signals ended it, the log says nothing of the program.
    if (errno === ERRNO.EAGAIN) throw refusal(program, firstErrno, '');
    throw refusal(program, errnoName(errno) === 'ENOSPC' ? firstErrno : errno, log);
  }
}

function refusal(program: ProgramDescription, errno: number, log: string): KernelError {
  const failure = { operation: 'load program', object: program.name, errno };
  if (log === '') return new KernelError({ ...failure, hint: hintWithoutLog(errnoName(errno)) });
  const tail = log.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
  return new VerifierError({ ...failure, detail: `the verifier refuses it:\n${tail}` }, log);
}

function hintWithoutLog(errno: string): string | undefined {
  switch (errno) {
    case 'EAGAIN':
      return 'signals keep ending the verifier before it is through';
    case 'EPERM':
      return 'needs CAP_BPF and CAP_NET_ADMIN, or root';
    case 'E2BIG':
      return 'the program is longer than this kernel takes, or has no instructions';
    case 'EINVAL':
      return 'the kernel does not know the program type, the attach type or a field of the request';
    case 'EACCES':
      return 'a helper may need a GPL-compatible licence';
    default:
      return undefined;
  }
}
