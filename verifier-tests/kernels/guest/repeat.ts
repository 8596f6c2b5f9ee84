/** Recorded packets through this kernel's programs: the outcome and the state must be those of the VM. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readElf } from '../../../dsl/object/elf/read.ts';
import { inKernel, type State } from '../../differential/world.ts';
import { decodeRecording } from '../recording.ts';
import type { RecordedCase, Recording } from '../replay.ts';
import { REPLAY_FILE } from '../report.ts';
import type { Checks } from './checks.ts';

export async function checkReplay(share: string, checks: Checks): Promise<void> {
  await checks.run('recorded packets have the outcome and state of the VM', () => {
    const text = readFileSync(path.join(share, REPLAY_FILE), 'utf8');
    const { objects, cases } = decodeRecording(text) as Recording;
    const baseline = checks.features['atomics that fetch'] ? '5.12' : '5.10';
    let packets = 0;
    for (const [index, each] of cases.entries()) {
      repeat(readElf(objects[baseline][each.program]), each, `case ${index}, ${each.program}`);
      packets += each.steps.length;
    }
    return `${packets} packets`;
  });
}

function repeat(image: Parameters<typeof inKernel>[0], recorded: RecordedCase, name: string): void {
  const kernel = inKernel(image, recorded.contents);
  try {
    recorded.steps.forEach((step, index) => {
      expectSame(kernel.run(step), recorded.outcomes[index], `${name}, packet ${index}`);
    });
    expectSame(firstCpu(kernel.state()), firstCpu(recorded.state), `${name}, state`);
  } finally {
    kernel.close();
  }
}

/** The recording's machine may have more CPUs; only the first ran packets. */
function firstCpu({ maps, sections }: State): unknown {
  const values = Object.entries(maps).map(([map, entries]) => [
    map,
    Object.entries(entries).map(([key, [first]]) => [key, first]),
  ]);
  return { maps: values, sections };
}

function expectSame(seen: unknown, wanted: unknown, what: string): void {
  if (isDeepStrictEqual(seen, wanted)) return;
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? each.toString() : each)).slice(0, 600);
  throw new Error(`${what}: the kernel has ${text(seen)}, the VM ${text(wanted)}`);
}
