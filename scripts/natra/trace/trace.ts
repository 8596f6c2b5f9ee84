/** Packets of a capture through a program in the reference interpreter, its state kept from packet to packet. */
import type { ModuleTree } from '../../../dsl/compiler/tree/tree.ts';
import { createInterpreter, InterpreterError } from '../../../dsl/interpreter/index.ts';
import { Clock, CONTEXTS, isWord, Skb } from '../../../dsl/machine/index.ts';
import type { CapturedPacket } from '../key/capture.ts';
import { Recorder, type TraceStep } from './recorder.ts';

/** A context field or byte of the packet that the program changed. */
export interface Change {
  readonly what: string;
  readonly before: string;
  readonly after: string;
}

export interface PacketTrace {
  /** From 1. */
  readonly number: number;
  /** ns; what the program's clocks said. */
  readonly now: bigint;
  /** Bytes on the wire. */
  readonly length: number;
  /** Signed, as the program returned it; undefined where it could not run on. */
  readonly verdict: number | undefined;
  /** Why the program could not run on. */
  readonly failure: string | undefined;
  readonly steps: readonly TraceStep[];
  readonly changes: readonly Change[];
}

/** The coarse clock's tick at CONFIG_HZ=250, ns. */
const TICK = 4_000_000n;

/** A packet that was cut short in the capture is as long as it was, its captured part linear. */
function skbOf({ bytes, length }: CapturedPacket): Skb {
  const data = new Uint8Array(Math.max(length, bytes.length));
  data.set(bytes);
  return new Skb(data, { linearLength: bytes.length });
}

function fieldsOf(module: ModuleTree, program: string, skb: Skb): ReadonlyMap<string, bigint> {
  const kind = module.programs.find(({ name }) => name === program)?.kind ?? 'classifier';
  const writable = (CONTEXTS[kind]?.fields ?? []).filter((field) => field.writable);
  return new Map(
    writable.flatMap(({ name }) =>
      isWord(name) || name === 'tstamp' ? [[name, skb.get(name)] as const] : [],
    ),
  );
}

function byteChanges(before: Uint8Array, after: Uint8Array): Change[] {
  const changes: Change[] = [];
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  for (let at = 0; at < after.length; at++) {
    if (before[at] === after[at]) continue;
    let end = at;
    while (end < after.length && before[end] !== after[end]) end += 1;
    const what = end - at === 1 ? `byte ${at}` : `bytes ${at} to ${end - 1}`;
    changes.push({ what, before: hex(before.subarray(at, end)), after: hex(after.subarray(at, end)) });
    at = end;
  }
  return changes;
}

/** Traces each packet. `rodata`: contents of the settings, zeros by default. */
export function* tracePackets(
  module: ModuleTree,
  program: string,
  packets: Iterable<CapturedPacket>,
  rodata?: Uint8Array,
): Generator<PacketTrace> {
  const recorder = new Recorder(module.sources);
  const clock = new Clock();
  const interpreter = createInterpreter(module, { clock, hooks: recorder.hooks });
  if (rodata) interpreter.sections.get('.rodata')?.set(rodata);
  for (const packet of packets) {
    // Captures may be out of order, monotonic clocks never are.
    if (packet.time !== undefined && packet.time > clock.now) clock.set(packet.time, TICK);
    const skb = skbOf(packet);
    const before = { fields: fieldsOf(module, program, skb), bytes: skb.bytes() };
    let verdict: number | undefined;
    let failure: string | undefined;
    try {
      verdict = interpreter.run(program, skb).verdict | 0;
    } catch (error) {
      if (!(error instanceof InterpreterError)) throw error;
      failure = error.message;
    }
    const fields = [...fieldsOf(module, program, skb)].flatMap(([what, value]) => {
      const old = before.fields.get(what);
      return old === value ? [] : [{ what, before: `${old}`, after: `${value}` }];
    });
    const { number, length } = packet;
    const changes = [...fields, ...byteChanges(before.bytes, skb.bytes())];
    yield { number, now: clock.now, length, verdict, failure, steps: recorder.take(), changes };
  }
}
