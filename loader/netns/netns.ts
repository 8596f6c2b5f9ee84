/** Network namespaces: running in another one, and telling one from another. */
import { check } from '../errors.ts';
import { closeDescriptor, type FileIdentity, identityOf, openRead } from '../native/files.ts';
import { syscall } from '../native/syscall.ts';

/** The calling thread's own: `/proc/self` would name the main thread's. */
export const OWN_NETNS = '/proc/thread-self/ns/net';
const CLONE_NEWNET = 0x40000000;
const RETURN_ATTEMPTS = 5;

/**
 * Runs `body` in the network namespace at `path`, such as CNI_NETNS, and comes back whatever happens.
 * Namespaces belong to threads: `body` has to be synchronous, since the thread pool stays where it was.
 */
export function inNetns<T>(path: string, body: () => T): T {
  const enter = (): void => {
    const target = openRead(path);
    try {
      check(syscall('setns', target, CLONE_NEWNET), 'enter network namespace', path, (errno) =>
        errno === 'EINVAL' ? 'the path is not a network namespace' : undefined,
      );
    } finally {
      closeDescriptor(target);
    }
  };
  return elsewhere(enter, body);
}

/** Runs `body` in a new network namespace, empty but for a loopback device, which ends with it. */
export function inNewNetns<T>(body: () => T): T {
  return elsewhere(moveToNewNetns, body);
}

/** Moves the calling thread into a new network namespace for good, and with it the threads that it starts from then on. */
export function moveToNewNetns(): void {
  check(syscall('unshare', CLONE_NEWNET), 'make', 'a network namespace', 'needs CAP_SYS_ADMIN');
}

function elsewhere<T>(enter: () => void, body: () => T): T {
  const own = openRead(OWN_NETNS);
  try {
    enter();
    try {
      const result = body();
      if (result instanceof Promise) throw new Error('work in a network namespace has to be synchronous');
      return result;
    } finally {
      comeBack(own);
    }
  } finally {
    closeDescriptor(own);
  }
}

/** Whatever comes after would work on the wrong devices, so a shortage of memory is given the time to pass. */
function comeBack(own: number): void {
  let result = -1;
  for (let attempt = 0; attempt < RETURN_ATTEMPTS && result < 0; attempt++)
    result = syscall('setns', own, CLONE_NEWNET);
  check(result, 'return to network namespace', OWN_NETNS);
}

/** Runs `body` in the namespace at `path`, or where the thread is when there is no path. */
export function inOptionalNetns<T>(path: string | undefined, body: () => T): T {
  return path === undefined ? body() : inNetns(path, body);
}

/** A text that names a namespace for as long as it lives: its device and inode. */
const textOf = (identity: FileIdentity): string => `${identity.device}:${identity.inode}`;

/** Identity of the namespace at `path`; undefined where there is nothing at the path. */
export function netnsIdentity(path: string): string | undefined {
  const identity = identityOf(path);
  return identity && textOf(identity);
}

/** Identity of the calling thread's namespace. */
export function ownNetnsIdentity(): string {
  const identity = identityOf(OWN_NETNS);
  if (!identity) throw new Error(`identify the own network namespace: ${OWN_NETNS} is missing; mount /proc`);
  return textOf(identity);
}

/** Whether `path` is the calling thread's own namespace. */
export function isOwnNetns(path: string): boolean {
  return netnsIdentity(path) === ownNetnsIdentity();
}
