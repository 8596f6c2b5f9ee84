/** BTF_LOAD. Structures: union bpf_attr, include/uapi/linux/bpf.h. */
import { textOf, withScratch } from '../native/arena.ts';
import { closeDescriptor } from '../native/files.ts';
import { bpf, withMemlock, writePointer } from './call.ts';

const LOAD = { btf: 0, log: 8, size: 16, logSize: 20, logLevel: 24, bytes: 28 } as const;

/**
 * Loads raw BTF and gives its descriptor, or `-errno`. BTF describes and isn't needed to run, so a kernel
 * without it or with an older notion of it must not stop a program: the caller decides what a refusal means.
 */
export function tryLoadBtf(btf: Uint8Array): number {
  return withScratch((memory) => {
    const attributes = memory.allocate(LOAD.bytes);
    writePointer(attributes, LOAD.btf, memory.copy(btf).address);
    attributes.view.setUint32(LOAD.size, btf.length, true);
    return withMemlock(() => bpf('btfLoad', attributes));
  });
}

/** What the kernel says about BTF that it refuses. */
export function btfLog(btf: Uint8Array): string {
  return withScratch((memory) => {
    const attributes = memory.allocate(LOAD.bytes);
    const log = memory.allocate(1 << 16);
    writePointer(attributes, LOAD.btf, memory.copy(btf).address);
    writePointer(attributes, LOAD.log, log.address);
    attributes.view.setUint32(LOAD.size, btf.length, true);
    attributes.view.setUint32(LOAD.logSize, log.bytes.length, true);
    attributes.view.setUint32(LOAD.logLevel, 1, true);
    const fd = bpf('btfLoad', attributes);
    if (fd >= 0) closeDescriptor(fd);
    return textOf(log.bytes);
  });
}
