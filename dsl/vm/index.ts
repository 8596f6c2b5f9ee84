/** A BPF virtual machine: the whole instruction set of RFC 9669 on a model of the kernel's memory, maps and helpers. */
export { VmError } from './error.ts';
export { createVm, type RunInput, type RunResult, runCode, type Vm, type VmOptions } from './vm.ts';
