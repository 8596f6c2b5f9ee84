/** The command line with everything in it: the compiler's commands, and the loader for those that want a kernel. */
import { writeAll } from '../../cni/write-all.ts';
import { type Command, main } from '../../dsl/cli/main.ts';
import type { RunVectors } from '../../dsl/cli/vm.ts';
import { startBackEnd } from './threads.ts';

const STDOUT = 1;
const STDERR = 2;

const COMMANDS: Readonly<Record<string, Command>> = {
  key: {
    help: `natra key FILE.pcap [--json]
    prints each packet's flow key as the dataplane's parser sees it, in the interpreter and in the VM, which must
    agree; reads pcap and pcapng, also compressed by gzip, of Ethernet, raw IP, Linux cooked (-i any) and BSD loopback
`,
    run: async (argv, output) => (await import('./key/command.ts')).keyCommand(argv, output),
  },
  dev: {
    help: `natra dev [FILE | FOLDER]... [--once] [--no-kernel] [--no-tests] [--cpu v1|v2|v3|v4] [--settings FILE.json | --rate 10M ...]
    compiles programs (those of programs/ by default) now and at each save, tries them in the interpreter, the VM
    and the kernel, runs the tests beside what changed, and prints the change in instructions and ns; compiled for
    the newest instruction set that the kernel has where --cpu names none
`,
    run: async (argv, output) => (await import('./dev/command.ts')).devCommand(argv, output, startBackEnd),
  },
  simulate: {
    help: `natra simulate [FILE.ts | FILE.o] [--rate 10M] [--burst BITS] [--pacing edt|police] [--seconds 10]
            [--round-trip MS] [--elephants N] [--mice N] [--ecn] [--local] [--against tbf|FILE]... [--json]
    natra's own program (programs/limit.ts by default) in the VM, in front of modelled TCP flows in virtual time;
    --mice: fresh requests a second; --local: the sender is on this host; --against: what stands beside it
`,
    run: async (argv, output) => (await import('./simulate/command.ts')).simulateCommand(argv, output),
  },
  trace: {
    help: `natra trace FILE.ts --pcap CAPTURE [--program NAME] [--packet N[-M]]... [--json]
            [--settings FILE.json | --rate 10M [--burst BITS] [--pacing edt|queue|police]]
    runs a capture's packets through a program in the reference interpreter, state kept from packet to packet and
    the capture's times as the clock; prints each line taken with its values, the verdict, and what changed
`,
    run: async (argv, output) => (await import('./trace/command.ts')).traceCommand(argv, output),
  },
};

/** Runs a command line and gives its exit status. */
export async function run(argv: readonly string[]): Promise<number> {
  const kernel = argv.includes('--kernel');
  const onKernel: RunVectors | undefined = kernel
    ? (await import('./kernel-vectors.ts')).runVectorsOnKernel
    : undefined;
  const asked = kernel ? await import('./verify.ts') : undefined;
  const output = {
    out: (text: string) => writeAll(STDOUT, text),
    error: (text: string) => writeAll(STDERR, text),
  };
  const surroundings = { commands: COMMANDS, startBackEnd, ...(onKernel && { onKernel }), ...asked };
  return main(argv, output, surroundings);
}
