import { afterEach, expect, test } from 'vitest';
import { COMMAND } from '../../loader/bpf/call.ts';
import { setSyscallHook, VerifierError } from '../../loader/index.ts';
import type { Direction } from '../config/bandwidth.ts';
import { objectFile } from '../objects.ts';
import { passingObject, refusedObject } from '../testing/objects.ts';
import { loadDataplane } from './load.ts';

afterEach(() => {
  setSyscallHook(undefined);
});

const EINVAL = -22;

/** An object that no kernel takes, and behind it one that every kernel does; counts the loads of the first. */
function refusedFirst(onFallback: () => void) {
  const log: string[] = [];
  return {
    log: (message: string) => log.push(message),
    lines: log,
    objectFile: (direction: Direction, baseline: string = '5.12') => {
      if (baseline === '5.10') onFallback();
      return baseline === '5.12' ? refusedObject(direction) : passingObject(direction);
    },
  };
}

test('a refusal by a kernel that lacks nothing is reported as it is', () => {
  const node = refusedFirst(() => expect.fail('there is nothing to fall back for'));
  expect(() => loadDataplane('egress', {}, node)).toThrow(VerifierError);
  expect(node.lines).toEqual([]);
});

test('a kernel without fetching atomics and coarse clock gets the object that needs neither', () => {
  let loads = 0;
  const count = (): void => {
    loads += 1;
  };
  setSyscallHook(
    (name, args) => (name === 'bpf' && args[0] === COMMAND.programLoad ? count() : undefined) as undefined,
  );
  expect(() =>
    loadDataplane(
      'egress',
      {},
      refusedFirst(() => {}),
    ),
  ).toThrow(VerifierError);
  // The last two were probes; from the first of them on this kernel plays an old one.
  const refused = loads - 2;
  loads = 0;
  let isOld = true;
  setSyscallHook((name, args) => {
    if (name !== 'bpf' || args[0] !== COMMAND.programLoad) return undefined;
    count();
    return loads > refused && isOld ? EINVAL : undefined;
  });
  const node = refusedFirst(() => {
    isOld = false;
  });
  loadDataplane('egress', {}, node).close();
  expect(node.lines).toEqual([
    'egress: this kernel lacks atomics that fetch (linux 5.12) and bpf_ktime_get_coarse_ns (linux 5.11): ' +
      'the program for linux 5.10 is loaded',
  ]);
});

test.each(['ingress', 'egress'] as const)(
  'the %s object for linux 5.10 has the same settings',
  (direction) => {
    const load = (baseline: '5.12' | '5.10') => {
      const source = { objectFile: () => objectFile(direction, baseline), log: () => {} };
      const program = loadDataplane(direction, {}, source);
      program.close();
      return program.sections['.rodata']?.valueSize;
    };
    expect(load('5.10')).toBe(load('5.12'));
  },
);
