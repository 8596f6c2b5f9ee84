/** BPF_PROG_TEST_RUN: a program on one packet. Structures: union bpf_attr, include/uapi/linux/bpf.h. */
import { check } from '../errors.ts';
import { withScratch } from '../native/arena.ts';
import { bpf, writePointer } from './call.ts';

const TEST = {
  fd: 0,
  result: 4,
  dataSizeIn: 8,
  dataSizeOut: 12,
  dataIn: 16,
  dataOut: 24,
  repeat: 32,
  duration: 36,
  contextSizeIn: 40,
  contextSizeOut: 44,
  contextIn: 48,
  contextOut: 56,
  bytes: 64,
} as const;

/** Room for packets that a program made longer. */
const SPARE_BYTES = 256;

export interface TestRunInput {
  /** The packet from its Ethernet header, at least 14 bytes. */
  readonly data: Uint8Array;
  /** struct __sk_buff for the classifier: the kernel takes some fields and refuses others that aren't zero. */
  readonly context?: Uint8Array;
  /** Runs of the program; the result is the last one's. 1 by default. */
  readonly repeat?: number;
}

export interface TestRunOutput {
  /** What the program returned. */
  readonly result: number;
  readonly data: Uint8Array;
  readonly context: Uint8Array | undefined;
  /** Mean over the repetitions. */
  readonly durationNanoseconds: number;
}

/** Runs a loaded program on a packet. */
export function testRun(programFd: number, input: TestRunInput): TestRunOutput {
  return withScratch((memory) => {
    const attributes = memory.allocate(TEST.bytes);
    const { view } = attributes;
    const out = memory.allocate(input.data.length + SPARE_BYTES);
    view.setUint32(TEST.fd, programFd, true);
    view.setUint32(TEST.dataSizeIn, input.data.length, true);
    view.setUint32(TEST.dataSizeOut, out.bytes.length, true);
    writePointer(attributes, TEST.dataIn, memory.copy(input.data).address);
    writePointer(attributes, TEST.dataOut, out.address);
    view.setUint32(TEST.repeat, input.repeat ?? 1, true);
    const contextOut = input.context && memory.allocate(input.context.length);
    if (input.context && contextOut) {
      view.setUint32(TEST.contextSizeIn, input.context.length, true);
      view.setUint32(TEST.contextSizeOut, contextOut.bytes.length, true);
      writePointer(attributes, TEST.contextIn, memory.copy(input.context).address);
      writePointer(attributes, TEST.contextOut, contextOut.address);
    }
    check(bpf('testRun', attributes), 'test-run program', `fd ${programFd}`, (errno) =>
      errno === 'EINVAL'
        ? 'the packet needs at least 14 bytes, and the context only fields that a test run may set'
        : undefined,
    );
    return {
      result: view.getUint32(TEST.result, true),
      data: out.bytes.slice(0, view.getUint32(TEST.dataSizeOut, true)),
      context: contextOut?.bytes.slice(0, view.getUint32(TEST.contextSizeOut, true)),
      durationNanoseconds: view.getUint32(TEST.duration, true),
    };
  });
}
