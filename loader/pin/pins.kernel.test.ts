import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Attachment } from '../attach/attachment.ts';
import { attach, detach } from '../attach/index.ts';
import { tcxAttachType } from '../attach/tcx.ts';
import { BPFFS, pinObject } from '../bpf/bpffs.ts';
import { COMMAND } from '../bpf/call.ts';
import { mapInfo, programInfo } from '../bpf/info.ts';
import { queryTcx } from '../bpf/link.ts';
import { ERRNO } from '../errors.ts';
import { listDirectory, makeDirectory, removeDirectory, removeFile } from '../native/files.ts';
import { setSyscallHook } from '../native/syscall.ts';
import { listFilters } from '../netlink/filters.ts';
import { RouteSocket } from '../netlink/socket.ts';
import { loadProgram } from '../object/load.ts';
import { readVariable } from '../object/sections.ts';
import { countingObject } from '../testing/assembly.ts';
import { remainingObjects } from '../testing/kernel-objects.ts';
import { makePod, type Pod } from '../testing/pod.ts';
import {
  finishMove,
  linkPath,
  listPins,
  movePins,
  openPins,
  pinAll,
  pinnedProgram,
  removePins,
} from './pins.ts';

const NAME = `pn${process.pid}`;
const ROOT = `${BPFFS}/${NAME}`;
const KEY = '0123abc-eth0';
const LENGTH = 777;
const place = { root: ROOT, key: KEY, label: 'egress' };
const image = countingObject(LENGTH, NAME);

let pod: Pod;
beforeEach(() => {
  pod = makePod();
});
afterEach(async () => {
  setSyscallHook(undefined);
  removePins(ROOT, KEY);
  removeDirectory(ROOT);
  pod.remove();
  expect(await remainingObjects(NAME)).toEqual([]);
});

/** Attaches in a process that exits at once, as an ADD does. */
function attachInChild(mode: 'tcx' | 'clsact'): Attachment {
  const script = fileURLToPath(new URL('../testing/attach-and-exit.ts', import.meta.url));
  const args = [ROOT, KEY, NAME, pod.hostIfindex, mode, LENGTH].map(String);
  return JSON.parse(execFileSync(process.execPath, ['--import', 'tsx', script, ...args]).toString());
}

function packets(): unknown {
  const pins = openPins(place)!;
  try {
    const bss = image.sections.find((section) => section.name === '.bss')!;
    return readVariable(bss, 'counters', pins.sections['.bss']!.lookup(new Uint8Array(4))!).packets;
  } finally {
    pins.close();
  }
}

describe.each(['tcx', 'clsact'] as const)('a program attached by %s', (mode) => {
  it('outlives the process that attached it, and another process takes it off again', async () => {
    const attachment = attachInChild(mode);
    expect(attachment.mode).toBe(mode);
    pod.sendFromPod(LENGTH);
    pod.sendFromPod(LENGTH);
    expect(packets()).toBe(2n);
    expect(detach(attachment)).toBe(true);
    expect(removePins(ROOT, KEY)).toBe(true);
    expect(await remainingObjects(NAME)).toEqual([]);
    expect(listDirectory(ROOT)).toEqual([]);
    const socket = RouteSocket.open();
    expect(listFilters(socket, pod.hostIfindex, 'ingress')).toEqual([]);
    socket.close();
  });
});

it('a tcx link leaves its hook by itself once its pins are removed', async () => {
  attachInChild('tcx');
  const attached = (): number => queryTcx(pod.hostIfindex, tcxAttachType('ingress')).programs.length;
  expect(attached()).toBe(1);
  removePins(ROOT, KEY);
  await expect.poll(attached, { timeout: 10_000, interval: 5 }).toBe(0);
});

describe('pins', () => {
  it('are listed by key and label, and opened with what they hold', () => {
    const program = loadProgram(image, NAME);
    pinAll(program, place);
    pinAll(program, { ...place, label: 'ingress' });
    attach({
      ifindex: pod.hostIfindex,
      direction: 'ingress',
      mode: 'tcx',
      program,
      pinPath: linkPath(place),
      filterName: NAME,
    });
    program.close();
    expect(listPins(ROOT)).toEqual([{ key: KEY, labels: ['egress', 'ingress'] }]);
    const pins = openPins(place)!;
    expect(Object.keys(pins.sections).sort()).toEqual(['.bss', '.rodata']);
    expect(pins.linkFd).toBeGreaterThan(0);
    expect(programInfo(pins.programFd!).name).toBe(NAME);
    pins.close();
    const unattached = openPins({ ...place, label: 'ingress' })!;
    expect(unattached.linkFd).toBeUndefined();
    unattached.close();
    expect(removePins(ROOT, KEY, 'ingress')).toBe(true);
    expect(listPins(ROOT)).toEqual([{ key: KEY, labels: ['egress'] }]);
    expect(removePins(ROOT, KEY)).toBe(true);
    expect(removePins(ROOT, KEY)).toBe(false);
    expect(openPins(place)).toBeUndefined();
  });

  it('are listed without what others pinned beside them', () => {
    const program = loadProgram(image, NAME);
    pinAll(program, place);
    pinObject(program.fd, `${ROOT}/others`);
    try {
      expect(listPins(ROOT)).toEqual([{ key: KEY, labels: ['egress'] }]);
    } finally {
      removeFile(`${ROOT}/others`);
      program.close();
    }
  });

  it('refuse to take the place of others, which stay', () => {
    const program = loadProgram(image, NAME);
    pinAll(program, place);
    const before = listDirectory(`${ROOT}/${KEY}/egress`);
    expect(() => pinAll(program, place)).toThrow(/^pin .*: EEXIST/);
    expect(listDirectory(`${ROOT}/${KEY}/egress`)).toEqual(before);
    program.close();
  });

  it('are taken back where one of them is refused', () => {
    const program = loadProgram(image, NAME);
    let calls = 0;
    setSyscallHook((name, [command]) =>
      name === 'bpf' && command === COMMAND.objectPin && ++calls === 3 ? -ERRNO.EPERM : undefined,
    );
    expect(() => pinAll(program, place)).toThrow(/^pin .*: EPERM/);
    setSyscallHook(undefined);
    program.close();
    expect(calls).toBe(3);
    expect(listDirectory(`${ROOT}/${KEY}/egress`)).toEqual([]);
  });

  it('take the place of others one by one; the link stays, and what the others had beyond them goes', () => {
    const program = loadProgram(image, NAME);
    pinAll(program, place);
    attach({
      ifindex: pod.hostIfindex,
      direction: 'ingress',
      mode: 'tcx',
      program,
      pinPath: linkPath(place),
      filterName: NAME,
    });
    const next = loadProgram(image, NAME);
    const { '.bss': _, ...sections } = next.sections;
    const staging = { ...place, label: 'egress-next' };
    pinAll({ ...next, sections }, staging);
    movePins(staging, place);
    expect(listPins(ROOT)).toEqual([{ key: KEY, labels: ['egress'] }]);
    const pins = openPins(place)!;
    expect(programInfo(pins.programFd!).id).toBe(next.id);
    expect(Object.keys(pins.sections)).toEqual(['.rodata']);
    expect(pins.linkFd).toBeGreaterThan(0);
    pins.close();
    program.close();
    next.close();
  });

  it('whose move is cut short are moved on to its end, and the program is at the one place or the other', () => {
    const staging = { ...place, label: 'egress-next' };
    const isDone = (served: number): boolean => {
      const [program, next] = [loadProgram(image, NAME), loadProgram(image, NAME)];
      pinAll(program, place);
      pinAll(next, staging);
      let calls = 0;
      const eio = -5;
      setSyscallHook((name) => (name !== 'close' && calls++ >= served ? eio : undefined));
      try {
        movePins(staging, place);
      } catch (error) {
        expect(String(error)).toContain('EIO');
      }
      setSyscallHook(undefined);
      const isStaged = pinnedProgram(staging) === next.id;
      expect(pinnedProgram(place), `after ${served} calls`).toBe(isStaged ? program.id : next.id);
      if (isStaged) finishMove(staging, place);
      else removePins(ROOT, KEY, staging.label);
      expect(listPins(ROOT)).toEqual([{ key: KEY, labels: ['egress'] }]);
      const pins = openPins(place)!;
      const maps = Object.values(pins.sections).map((section) => mapInfo(section!.fd).id);
      expect(maps.sort()).toEqual(
        Object.values(next.sections)
          .map((section) => mapInfo(section!.fd).id)
          .sort(),
      );
      pins.close();
      removePins(ROOT, KEY);
      program.close();
      next.close();
      return calls <= served;
    };
    let served = 0;
    while (!isDone(served)) expect(served++).toBeLessThan(50);
    expect(served).toBeGreaterThan(5);
    expect(pinnedProgram(place)).toBeUndefined();
  });

  it('refuse keys that would lead elsewhere', () => {
    expect(() => removePins(ROOT, '../other')).toThrow('as a pin directory');
    expect(() => linkPath({ ...place, label: 'a/b' })).toThrow('as a pin directory');
  });

  it('whichever call fails, are found by their key and removed', async () => {
    const program = loadProgram(image, NAME);
    makeDirectory(ROOT, 0o700);
    const eio = -5;
    let failed = true;
    for (let failing = 1; failed; failing++) {
      let call = 0;
      setSyscallHook((name) => (name !== 'close' && ++call === failing ? eio : undefined));
      try {
        pinAll(program, place);
        failed = call >= failing;
      } catch (error) {
        expect(String(error)).toContain('EIO');
      }
      setSyscallHook(undefined);
      removePins(ROOT, KEY);
      expect(listPins(ROOT)).toEqual([]);
      expect(failing).toBeLessThan(50);
    }
    program.close();
    expect(await remainingObjects(NAME)).toEqual([]);
  });
});
