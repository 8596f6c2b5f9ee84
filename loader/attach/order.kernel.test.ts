import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BPFFS, ensureBpffs } from '../bpf/bpffs.ts';
import { COMMAND } from '../bpf/call.ts';
import type { Placement } from '../bpf/link.ts';
import { ERRNO } from '../errors.ts';
import { makeDirectory, removeDirectory } from '../native/files.ts';
import { setSyscallHook } from '../native/syscall.ts';
import { addClsact } from '../netlink/qdiscs.ts';
import { type LoadedProgram, loadProgram } from '../object/load.ts';
import { readVariable } from '../object/sections.ts';
import { countingObject, VERDICT } from '../testing/assembly.ts';
import { makePod, type Pod } from '../testing/pod.ts';
import type { Hook } from './attachment.ts';
import { attach, detach } from './index.ts';
import { withRoute } from './namespace.ts';
import { earlierThan, programsAt } from './order.ts';

const DIRECTORY = `${BPFFS}/natra-order-${process.pid}`;
const LENGTH = 555;

let pod: Pod;
let undo: (() => unknown)[];

beforeEach(() => {
  ensureBpffs();
  makeDirectory(DIRECTORY, 0o700);
  pod = makePod();
  undo = [];
});
afterEach(() => {
  setSyscallHook(undefined);
  for (const each of undo.splice(0).reverse()) each();
  pod.remove();
  removeDirectory(DIRECTORY);
});

type Mode = 'tcx' | 'clsact';

/** Attaches a program of that name, which counts what it sees and answers it with `verdict`. */
function put(name: string, hook: Hook, mode: Mode, side?: Placement['side'], verdict: number = VERDICT.next) {
  const image = countingObject(LENGTH, name);
  const program: LoadedProgram = loadProgram(image, name, { settings: { settings: { verdict } } });
  undo.push(() => program.close());
  const attachment = attach({
    ...hook,
    mode,
    program,
    pinPath: `${DIRECTORY}/${name}`,
    filterName: `filter-${name}`,
    ...(side && { placement: { side } }),
  });
  undo.push(() => detach(attachment));
  const seen = (): unknown => {
    const section = image.sections.find((each) => each.name === '.bss')!;
    return readVariable(section, 'counters', program.sections['.bss']!.lookup(new Uint8Array(4))!).packets;
  };
  return { attachment, seen };
}

const told = (found: readonly { mode: Mode; name: string }[] | undefined) =>
  found?.map(({ mode, name }) => `${name} ${mode}`);

describe.each(['host', 'pod'] as const)('at the %s end', (end) => {
  const hookOf = (): Hook =>
    end === 'host'
      ? { ifindex: pod.hostIfindex, direction: 'ingress' }
      : { ifindex: pod.podIfindex, direction: 'ingress', netns: pod.netns };
  const send = (): void => (end === 'host' ? pod.sendFromPod(LENGTH) : pod.sendFromHost(LENGTH));
  /** Adds a filter of u32, which every packet of IPv4 meets. */
  const addU32 = (...words: string[]): void => {
    const { ifindex, netns } = hookOf();
    const inside = netns === undefined ? [] : ['nsenter', `--net=${netns}`];
    const filter = ['filter', 'add', 'dev', `if${ifindex}`, 'ingress', ...words];
    const match = ['protocol', 'ip', 'u32', 'match', 'u32', '0', '0', 'flowid', '1:1'];
    execFileSync('env', [...inside, 'tc', ...filter, ...match]);
  };

  test('tcx programs come in the order of their chain, whoever attached first', () => {
    const own = put('own', hookOf(), 'tcx', 'before');
    put('later', hookOf(), 'tcx');
    expect(earlierThan(own.attachment)).toEqual([]);
    put('sooner', hookOf(), 'tcx', 'before');
    put('soonest', hookOf(), 'tcx', 'before');
    expect(told(earlierThan(own.attachment))).toEqual(['soonest tcx', 'sooner tcx']);
    expect(told(programsAt(hookOf()))).toEqual(['soonest tcx', 'sooner tcx', 'own tcx', 'later tcx']);
    send();
    expect(own.seen()).toBe(1n);
  });

  test.each(['tcx', 'clsact'] as const)(
    'one that comes before and passes packets for good keeps them from a program at %s',
    (mode) => {
      const own = put('own', hookOf(), mode, 'before');
      send();
      put('final', hookOf(), mode, 'before', VERDICT.pass);
      send();
      expect(told(earlierThan(own.attachment))).toEqual([`final ${mode}`]);
      expect(own.seen()).toBe(1n);
    },
  );

  test('before a filter come all tcx programs, and the filters that run before it', () => {
    const own = put('own', hookOf(), 'clsact');
    addU32('prio', '7');
    addU32('prio', '1', 'chain', '5');
    expect(earlierThan(own.attachment)).toEqual([]);
    // The newest of a priority runs first.
    put('newer', hookOf(), 'clsact');
    put('link', hookOf(), 'tcx');
    expect(told(earlierThan(own.attachment))).toEqual(['link tcx', 'newer clsact']);
    expect(told(programsAt(hookOf()))).toEqual(['link tcx', 'newer clsact', 'own clsact', 'u32 clsact']);
  });

  test('a filter of another kind at an earlier priority comes before', () => {
    const { ifindex, netns } = hookOf();
    withRoute(netns, (socket) => addClsact(socket, ifindex));
    addU32('prio', '1');
    const own = put('own', hookOf(), 'clsact');
    expect(told(earlierThan(own.attachment))).toEqual(['u32 clsact']);
  });

  test('where the kernel has no tcx, filters alone are there', () => {
    const own = put('own', hookOf(), 'clsact');
    put('newer', hookOf(), 'clsact');
    setSyscallHook((name, args) =>
      name === 'bpf' && args[0] === COMMAND.programQuery ? -ERRNO.EINVAL : undefined,
    );
    expect(told(earlierThan(own.attachment))).toEqual(['newer clsact']);
  });

  test.each(['tcx', 'clsact'] as const)('nothing is said of a program at %s that is gone', (mode) => {
    const own = put('own', hookOf(), mode);
    put('other', hookOf(), mode, 'before');
    detach(own.attachment);
    expect(earlierThan(own.attachment)).toBeUndefined();
  });
});

test('nothing is at a device that is gone', () => {
  expect(programsAt({ ifindex: 2_000_000_000, direction: 'egress' })).toEqual([]);
});
