/**
 * Reads packets from capture files: pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng), either byte
 * order, any time resolution.
 */

export interface CapturedPacket {
  /** From 1, as dissectors count. */
  readonly number: number;
  /** ns since the epoch; absent where the file doesn't say. */
  readonly time?: bigint;
  /** Bytes on the link. */
  readonly length: number;
  /** The first of them: as many as were captured. */
  readonly bytes: Uint8Array;
  /** LINKTYPE_* of the interface. */
  readonly linkType: number;
}

/** What a file holds, up to where it ends too early or makes no sense. */
export interface Capture {
  readonly packets: readonly CapturedPacket[];
  /** What is wrong behind them, and where; absent where they are all. */
  readonly problem?: string;
}

const NANOSECONDS = 1_000_000_000n;
const PCAP = { microseconds: 0xa1b2c3d4, nanoseconds: 0xa1b23c4d } as const;
const PCAP_HEADER = 24;
const PCAP_RECORD = 16;
/** The upper bits of the link type field say how long the frame check sequence is. */
const LINK_TYPE = 0xffff;

/** Types of pcapng blocks. */
const BLOCK = { section: 0x0a0d0d0a, interface: 1, packet: 2, simple: 3, enhanced: 6 } as const;
const BYTE_ORDER = 0x1a2b3c4d;
/** Type, length, and the length again at the end. */
const LEAST_BLOCK = 12;
const OPTION = { end: 0, timeResolution: 9, timeOffset: 14 } as const;

/** Fields of one byte order, up to the end of the file or of one block in it: what goes beyond is refused. */
class Reader {
  readonly bytes: Uint8Array;
  readonly little: boolean;
  readonly #view: DataView;
  readonly #end: number;
  readonly #what: string;

  constructor(bytes: Uint8Array, little: boolean, end = bytes.length, what = 'the capture') {
    this.bytes = bytes;
    this.little = little;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = end;
    this.#what = what;
  }

  #at(offset: number, size: number): number {
    if (offset + size > this.#end)
      throw new Error(`${this.#what} ends within a record, at byte ${this.#end}`);
    return offset;
  }

  /** Of one block alone. */
  block = (at: number, length: number): Reader =>
    new Reader(this.bytes, this.little, this.#at(at, length) + length, `the block at byte ${at}`);
  u16 = (offset: number): number => this.#view.getUint16(this.#at(offset, 2), this.little);
  u32 = (offset: number): number => this.#view.getUint32(this.#at(offset, 4), this.little);
  i64 = (offset: number): bigint => this.#view.getBigInt64(this.#at(offset, 8), this.little);
  slice = (offset: number, size: number): Uint8Array =>
    this.bytes.subarray(this.#at(offset, size), offset + size);
}

/** Every packet of a capture file. Throws when the bytes are neither pcap nor pcapng. */
export function readCapture(bytes: Uint8Array): Capture {
  for (const little of [true, false]) {
    const reader = new Reader(bytes, little);
    const magic = bytes.length < 4 ? 0 : reader.u32(0);
    if (magic === PCAP.microseconds) return collected(pcapPackets(reader, 1_000n));
    if (magic === PCAP.nanoseconds) return collected(pcapPackets(reader, 1n));
    if (magic === BLOCK.section) return collected(pcapngPackets(bytes));
  }
  throw new Error('neither a pcap nor a pcapng file: its first four bytes are the magic number of neither');
}

function collected(found: Iterable<CapturedPacket>): Capture {
  const packets: CapturedPacket[] = [];
  try {
    for (const packet of found) packets.push(packet);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { packets, problem: `after packet ${packets.length}: ${problem}` };
  }
  return { packets };
}

function* pcapPackets(reader: Reader, resolution: bigint): Generator<CapturedPacket> {
  const linkType = reader.u32(20) & LINK_TYPE;
  let number = 0;
  for (let at = PCAP_HEADER; at < reader.bytes.length; ) {
    const captured = reader.u32(at + 8);
    number += 1;
    yield {
      number,
      time: BigInt(reader.u32(at)) * NANOSECONDS + BigInt(reader.u32(at + 4)) * resolution,
      length: reader.u32(at + 12),
      bytes: reader.slice(at + PCAP_RECORD, captured),
      linkType,
    };
    at += PCAP_RECORD + captured;
  }
}

interface Interface {
  readonly linkType: number;
  /** Most bytes of a packet that are captured; 0: all. */
  readonly snapLength: number;
  readonly nanoseconds: (ticks: bigint) => bigint;
}

/** if_tsresol: a negative power of ten, or with the highest bit of two; 10^-6 where it is absent. if_tsoffset: s. */
function interfaceOf(reader: Reader, at: number, length: number): Interface {
  let perSecond = 1_000_000n;
  let offset = 0n;
  const end = at + length - 4;
  for (let option = at + 16; option + 4 <= end; ) {
    const code = reader.u16(option);
    const size = reader.u16(option + 2);
    if (code === OPTION.end) break;
    if (code === OPTION.timeResolution) {
      const [resolution = 6] = reader.slice(option + 4, 1);
      perSecond = (resolution & 0x80) === 0 ? 10n ** BigInt(resolution) : 1n << BigInt(resolution & 0x7f);
    }
    if (code === OPTION.timeOffset) offset = reader.i64(option + 4);
    option += 4 + padded(size);
  }
  return {
    linkType: reader.u16(at + 8),
    snapLength: reader.u32(at + 12),
    nanoseconds: (ticks) => offset * NANOSECONDS + (ticks * NANOSECONDS) / perSecond,
  };
}

const padded = (size: number): number => (size + 3) & ~3;

function* pcapngPackets(bytes: Uint8Array): Generator<CapturedPacket> {
  let reader = new Reader(bytes, true);
  let interfaces: Interface[] = [];
  let number = 0;
  const interfaceAt = (index: number): Interface => {
    const found = interfaces[index];
    if (found === undefined)
      throw new Error(`the next one names interface ${index}, which no block describes`);
    return found;
  };
  for (let at = 0; at < bytes.length; ) {
    // A section says its byte order itself; its type reads the same in both.
    if (reader.u32(at) === BLOCK.section) {
      reader = new Reader(bytes, new Reader(bytes, true).u32(at + 8) === BYTE_ORDER);
      interfaces = [];
    }
    const type = reader.u32(at);
    const length = reader.u32(at + 4);
    if (length < LEAST_BLOCK || length % 4 !== 0)
      throw new Error(`the block at byte ${at} says that it is ${length} bytes long`);
    const atEnd = reader.u32(at + length - 4);
    if (atEnd !== length)
      throw new Error(
        `the block at byte ${at} says that it is ${length} bytes long, and at its end that it is ${atEnd}`,
      );
    const block = reader.block(at, length - 4);
    if (type === BLOCK.interface) interfaces.push(interfaceOf(block, at, length));
    if (type === BLOCK.enhanced || type === BLOCK.packet) {
      number += 1;
      const { linkType, nanoseconds } = interfaceAt(
        type === BLOCK.enhanced ? block.u32(at + 8) : block.u16(at + 8),
      );
      const ticks = (BigInt(block.u32(at + 12)) << 32n) | BigInt(block.u32(at + 16));
      yield {
        number,
        time: nanoseconds(ticks),
        length: block.u32(at + 24),
        bytes: block.slice(at + 28, block.u32(at + 20)),
        linkType,
      };
    }
    if (type === BLOCK.simple) {
      number += 1;
      const { linkType, snapLength } = interfaceAt(0);
      const original = block.u32(at + 8);
      const captured = Math.min(original, snapLength === 0 ? original : snapLength);
      yield { number, length: original, bytes: block.slice(at + 12, captured), linkType };
    }
    at += length;
  }
}
