/** A quick trial of a program: the interpreter and the VM on the same packets, and what the kernel makes of it. */
import type { ModuleTree, ProgramTree } from '../../../dsl/compiler/tree/tree.ts';
import { createInterpreter } from '../../../dsl/interpreter/index.ts';
import {
  Clock,
  CONTEXTS,
  type Packet,
  packetFor,
  testRunContext,
  testRunRefusal,
} from '../../../dsl/machine/index.ts';
import type { ObjectImage, ProgramKind } from '../../../dsl/object/image.ts';
import { createVm } from '../../../dsl/vm/index.ts';
import {
  KernelError,
  loadProgram,
  testRun,
  VerifierError,
  type VerifierStatistics,
} from '../../../loader/index.ts';
import { formatExplanation } from '../../../loader/verifier/explain.ts';
import { GAPS, PACKETS, START } from './packets.ts';

/** What is compared from one save to the next. */
export interface Figures {
  /** Instructions that the VM ran, a packet. */
  readonly stepsPerPacket: number;
  /** Instructions that the kernel's verifier walked. */
  readonly walked?: number;
  /** ns a packet, by test run. */
  readonly nanoseconds?: number;
}

export interface Trial {
  readonly figures: Figures;
  readonly packets: number;
  /** The first packet on which the interpreter and the VM differ, and how. */
  readonly disagreement: string | undefined;
  /** Why the kernel doesn't run it: its verifier's refusal, or that there is no use of bpf(2) here. */
  readonly refusal: string | undefined;
}

const ROUNDS = 16;
/** The coarse clock's tick at CONFIG_HZ=250, ns. */
const TICK = 4_000_000n;

interface Outcome {
  readonly verdict: number;
  readonly fields: string;
  readonly packet: string;
}

function outcomeOf(verdict: number, kind: ProgramKind, packet: Packet): Outcome {
  const writable = CONTEXTS[kind].fields.filter((field) => field.writable);
  const fields = writable.map(({ name }) => `${name} ${packet.get(name)}`).join(', ');
  return { verdict, fields, packet: Buffer.from(packet.data).toString('hex') };
}

function difference(name: string, interpreter: Outcome, vm: Outcome): string | undefined {
  const what = (['verdict', 'fields', 'packet'] as const).find((each) => interpreter[each] !== vm[each]);
  return what && `${name}: ${what} ${interpreter[what]} in the interpreter, ${vm[what]} in the VM`;
}

/** Both models on the same packets and times; the first difference, and instructions a packet. */
function compareModels(
  tree: ModuleTree,
  object: ObjectImage,
  { name: program, kind }: ProgramTree,
  rodata: Uint8Array | undefined,
) {
  const clocks = [new Clock(), new Clock()] as const;
  const interpreter = createInterpreter(tree, { clock: clocks[0] });
  const vm = createVm(object, { clock: clocks[1] });
  if (rodata) for (const model of [interpreter, vm]) model.sections.get('.rodata')?.set(rodata);
  let [now, steps, packets] = [START, 0, 0];
  for (let round = 0; round < ROUNDS; round++)
    for (const { name, bytes } of PACKETS) {
      now += GAPS[packets % GAPS.length] ?? 0n;
      for (const clock of clocks) clock.set(now, TICK);
      packets += 1;
      const [one, other] = [packetFor(kind, bytes.slice()), packetFor(kind, bytes.slice())];
      const expected = outcomeOf(interpreter.run(program, one).verdict | 0, kind, one);
      const run = vm.run(program, other);
      steps += run.steps;
      const found = difference(name, expected, outcomeOf(Number(BigInt.asIntN(32, run.r0)), kind, other));
      if (found) return { packets, stepsPerPacket: steps / packets, disagreement: found };
    }
  return { packets, stepsPerPacket: steps / packets, disagreement: undefined };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const REPEAT = 2_000;
const SAMPLES = 5;

/** Loads the program and runs it on the first packet. */
function inKernel(
  object: ObjectImage,
  { name, kind }: ProgramTree,
): { walked?: number; nanoseconds?: number; refusal?: string } {
  let statistics: VerifierStatistics | undefined;
  const onStatistics = (given: VerifierStatistics): void => {
    statistics = given;
  };
  try {
    const loaded = loadProgram(object, name, { onStatistics });
    try {
      const walked = statistics && { walked: statistics.processedInstructions };
      const [sample] = PACKETS;
      if (sample === undefined) return { ...walked };
      const packet = packetFor(kind, sample.bytes.slice());
      if (testRunRefusal(packet, kind) !== undefined) return { ...walked };
      const context = testRunContext(packet);
      const given = { data: sample.bytes, ...(context && { context }), repeat: REPEAT };
      const samples = Array.from({ length: SAMPLES }, () => testRun(loaded.fd, given));
      return { ...walked, nanoseconds: median(samples.map((each) => each.durationNanoseconds)) };
    } finally {
      loaded.close();
    }
  } catch (error) {
    if (error instanceof VerifierError && error.explanation)
      return { refusal: formatExplanation(error.explanation) };
    if (error instanceof KernelError) return { refusal: error.message };
    throw error;
  }
}

/** `rodata`: contents of the settings, zeros by default. `kernel`: whether to ask it. */
export function tryProgram(
  tree: ModuleTree,
  object: ObjectImage,
  program: ProgramTree,
  options: { readonly rodata?: Uint8Array | undefined; readonly kernel: boolean },
): Trial {
  const models = compareModels(tree, object, program, options.rodata);
  const sections = object.sections.map((section) =>
    section.name === '.rodata' && options.rodata ? { ...section, initial: options.rodata } : section,
  );
  const { refusal, ...measured } = options.kernel ? inKernel({ ...object, sections }, program) : {};
  const { stepsPerPacket, packets, disagreement } = models;
  return { figures: { stepsPerPacket, ...measured }, packets, disagreement, refusal };
}
