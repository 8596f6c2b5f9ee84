/** Recorded packets through this kernel's programs: the outcome and the state must be those of the VM. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Baseline } from '../../../cni/objects.ts';
import { readElf } from '../../../dsl/object/elf/read.ts';
import { isTooComplex, VerifierError } from '../../../loader/errors.ts';
import { inKernel } from '../../differential/in-kernel.ts';
import type { State } from '../../differential/world.ts';
import type { RandomProgram } from '../random-programs.ts';
import { decodeRecording } from '../recording.ts';
import type { RecordedCase, Recording } from '../replay.ts';
import { type GuestPlan, RANDOM_PROGRAMS, RANDOM_PROGRAMS_FILE, REPLAY_FILE } from '../report.ts';
import { type Checks, require } from './checks.ts';

/** Which of the objects this kernel is given: found out by trying the instructions, not by its version. */
const baselineOf = (checks: Checks): Baseline => (checks.features['atomics that fetch'] ? '5.12' : '5.10');

const recorded = (share: string, file: string): unknown =>
  decodeRecording(readFileSync(path.join(share, file), 'utf8'));

export async function checkReplay(share: string, checks: Checks): Promise<void> {
  await checks.run('recorded packets have the outcome and state of the VM', () => {
    const { objects, cases } = recorded(share, REPLAY_FILE) as Recording;
    let packets = 0;
    for (const [index, each] of cases.entries()) {
      repeat(readElf(objects[baselineOf(checks)]), each, `case ${index}`);
      packets += each.steps.length;
    }
    return `${packets} packets`;
  });
}

export async function checkRandomPrograms(
  share: string,
  checks: Checks,
  { depth }: GuestPlan,
): Promise<void> {
  await checks.run('random programs are taken and have the outcome and state of the VM', () => {
    const programs = recorded(share, RANDOM_PROGRAMS_FILE) as RandomProgram[];
    const some = programs.slice(0, RANDOM_PROGRAMS[depth]);
    const faults: string[] = [];
    let tooComplex = 0;
    for (const [index, each] of some.entries()) {
      try {
        repeat(readElf(each.objects[baselineOf(checks)]), each, `program ${index}`);
      } catch (error) {
        if (isTooComplex(error)) tooComplex += 1;
        else faults.push(words(error, index));
      }
    }
    require(faults.length === 0, `${faults.length} of ${some.length}: ${faults.slice(0, 5).join('\n')}`);
    require(tooComplex <=
      some.length / 10, `${tooComplex} of ${some.length} are too complex for the verifier`);
    return `${some.length} programs, ${tooComplex} of them beyond the verifier's limits`;
  });
}

function words(error: unknown, index: number): string {
  if (error instanceof VerifierError)
    return `program ${index}: ${error.log.trimEnd().split('\n').slice(-8).join('\n')}`;
  return error instanceof Error ? error.message : String(error);
}

/** What was recorded of a program's run elsewhere. */
type Recorded = Pick<RecordedCase, 'contents' | 'steps' | 'outcomes' | 'state'>;

function repeat(image: Parameters<typeof inKernel>[0], recorded: Recorded, name: string): void {
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
  const firsts = (entries: State['maps'][string]): unknown =>
    Object.fromEntries(Object.entries(entries).map(([key, [first]]) => [key, first]));
  const values = Object.entries(maps).map(([map, entries]) => [map, firsts(entries)]);
  return { maps: Object.fromEntries(values), sections };
}

function expectSame(seen: unknown, wanted: unknown, what: string): void {
  if (isDeepStrictEqual(seen, wanted)) return;
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? each.toString() : each)).slice(0, 600);
  throw new Error(`${what}: the kernel has ${text(seen)}, the VM ${text(wanted)}`);
}
