/** Another program in the place of this one, in the same process: whoever waits for it, or kills it, meets that. */
import { writeFileSync } from 'node:fs';
import { check } from '../errors.ts';
import { type Scratch, withScratch } from './arena.ts';
import { closeDescriptor } from './files.ts';
import { syscall } from './syscall.ts';

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
/** fcntl(2). */
const F_SETFD = 2;
const POINTER_BYTES = 8;

export interface Execution {
  readonly path: string;
  /** From its own name on. */
  readonly args: readonly string[];
  /** Variables without a value are left out. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What it reads on stdin. */
  readonly input: string;
}

/** Throws where the kernel refuses; stdin is the input then all the same. */
export function execute({ path, args, environment, input }: Execution): never {
  const fd = withScratch((memory) =>
    check(syscall('memfd_create', memory.string('stdin').address, 0), 'make a file in memory for', path),
  );
  try {
    // By its path, so that the descriptor stays at the file's beginning.
    writeFileSync(`/proc/self/fd/${fd}`, input);
    check(syscall('dup3', fd, STDIN, 0), 'give stdin to', path);
  } finally {
    closeDescriptor(fd);
  }
  // Node.js has all that it is started with closed for others.
  for (const output of [STDOUT, STDERR]) syscall('fcntl', output, F_SETFD, 0);
  const variables = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  return withScratch((memory) => {
    const [argv, envp] = [pointers(memory, args), pointers(memory, variables)];
    check(syscall('execve', memory.string(path).address, argv, envp), 'execute', path);
    throw new Error(`execute ${path}: it returned`);
  });
}

/** The address of an array of strings, with its terminating null. */
function pointers(memory: Scratch, texts: readonly string[]): number {
  const { address, view } = memory.allocate((texts.length + 1) * POINTER_BYTES);
  for (const [index, text] of texts.entries())
    view.setBigUint64(index * POINTER_BYTES, BigInt(memory.string(text).address), true);
  return address;
}
