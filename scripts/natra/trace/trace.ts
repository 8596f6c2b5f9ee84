/** Packets of a capture through a program in the reference interpreter, its state kept from packet to packet. */
import type { ModuleTree, ProgramTree } from '../../../dsl/compiler/tree/tree.ts';
import { createInterpreter, InterpreterError } from '../../../dsl/interpreter/index.ts';
import {
  Clock,
  CONTEXTS,
  ETHERNET_HEADER,
  LARGEST_XDP_PACKET,
  type Packet,
  packetFor,
} from '../../../dsl/machine/index.ts';
import type { ProgramKind } from '../../../dsl/object/image.ts';
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
function packetOf(kind: ProgramKind, { bytes, length }: CapturedPacket): Packet {
  const data = new Uint8Array(Math.max(length, bytes.length));
  data.set(bytes);
  const before = CONTEXTS[kind].layer === 'link' ? 0 : ETHERNET_HEADER;
  return packetFor(kind, data, { linearLength: Math.max(0, bytes.length - before) });
}

/** What a program of this kind can change in the context. */
function fieldsOf(kind: ProgramKind, packet: Packet): ReadonlyMap<string, bigint> {
  const writable = CONTEXTS[kind].fields.filter((field) => field.writable);
  return new Map(writable.map(({ name }) => [name, packet.get(name)]));
}

function byteChanges(before: Uint8Array, after: Uint8Array): Change[] {
  if (before.length !== after.length)
    return [{ what: 'length', before: `${before.length}`, after: `${after.length}` }];
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

/** Bytes of a captured packet that programs of a kind can be run on. */
const longestFor = (kind: ProgramKind): number =>
  CONTEXTS[kind].struct === 'xdp_md' ? LARGEST_XDP_PACKET : Number.POSITIVE_INFINITY;

/** Traces each packet. `rodata`: contents of the settings, zeros by default. */
export function* tracePackets(
  module: ModuleTree,
  { name, kind }: Pick<ProgramTree, 'name' | 'kind'>,
  packets: Iterable<CapturedPacket>,
  rodata?: Uint8Array,
): Generator<PacketTrace> {
  const recorder = new Recorder(module.sources);
  const clock = new Clock();
  const interpreter = createInterpreter(module, { clock, hooks: recorder.hooks });
  if (rodata) interpreter.sections.get('.rodata')?.set(rodata);
  for (const captured of packets) {
    // Captures may be out of order, monotonic clocks never are.
    if (captured.time !== undefined && captured.time > clock.now) clock.set(captured.time, TICK);
    const { number, length } = captured;
    const told = { number, now: clock.now, length };
    if (length > longestFor(kind)) {
      const failure = `a packet of ${kind} programs has ${longestFor(kind)} bytes at most`;
      yield { ...told, verdict: undefined, failure, steps: [], changes: [] };
      continue;
    }
    const packet = packetOf(kind, captured);
    const before = { fields: fieldsOf(kind, packet), bytes: packet.bytes() };
    let verdict: number | undefined;
    let failure: string | undefined;
    try {
      verdict = interpreter.run(name, packet).verdict | 0;
    } catch (error) {
      if (!(error instanceof InterpreterError)) throw error;
      failure = error.message;
    }
    const fields = [...fieldsOf(kind, packet)].flatMap(([what, value]) => {
      const old = before.fields.get(what);
      return old === value ? [] : [{ what, before: `${old}`, after: `${value}` }];
    });
    const changes = [...fields, ...byteChanges(before.bytes, packet.bytes())];
    yield { ...told, verdict, failure, steps: recorder.take(), changes };
  }
}
