/** A rtnetlink socket: requests and their answers (include/uapi/linux/netlink.h, net/netlink/af_netlink.c). */
import { check, ERRNO, errnoName, KernelError } from '../errors.ts';
import { withScratch } from '../native/arena.ts';
import { closeDescriptor } from '../native/files.ts';
import { syscall } from '../native/syscall.ts';
import { Attributes, alignUp4 } from './attributes.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_EXT_ACK = 11;
const MSG_TRUNC = 0x20;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;

export const FLAG = {
  request: 0x1,
  ack: 0x4,
  echo: 0x8,
  dumpInterrupted: 0x10,
  dump: 0x300,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
} as const;

/** struct nlmsghdr: length u32, type u16, flags u16, sequence u32, port u32. */
const HEADER_BYTES = 16;
/** Larger than any message of a dump (32 KiB, netlink_dump). */
const RECEIVE_BYTES = 1 << 16;
const DUMP_ATTEMPTS = 5;

export interface Message {
  readonly type: number;
  /** The family's fixed header and the attributes. */
  readonly payload: Uint8Array;
}

/** What is being done and to what, for the error that a refusal becomes. */
export interface Purpose {
  readonly operation: string;
  readonly object: string;
  readonly hint?: (errno: string) => string | undefined;
}

/** A rtnetlink socket of the network namespace in which it was opened, wherever the thread goes afterwards. */
export class RouteSocket {
  private sequence = 0;

  private constructor(private readonly fd: number) {}

  static open(): RouteSocket {
    const fd = check(
      syscall('socket', AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE),
      'open',
      'a rtnetlink socket',
    );
    withScratch((memory) => {
      const on = memory.allocate(4);
      on.view.setUint32(0, 1, true);
      // Linux 4.12; without it a refusal has no words of the kernel, so a failure here is no matter.
      syscall('setsockopt', fd, SOL_NETLINK, NETLINK_EXT_ACK, on.address, 4);
    });
    return new RouteSocket(fd);
  }

  close(): void {
    closeDescriptor(this.fd);
  }

  /** Makes a change and waits for the kernel's acknowledgement. */
  change(type: number, flags: number, payload: Uint8Array, purpose: Purpose): void {
    this.exchange(type, flags | FLAG.ack, payload, purpose);
  }

  /** Asks for one object. */
  get(type: number, payload: Uint8Array, purpose: Purpose): Message {
    const [first] = this.exchange(type, FLAG.ack, payload, purpose);
    if (!first) throw new Error(`${purpose.operation} ${purpose.object}: the kernel gave no answer`);
    return first;
  }

  /** Asks for one object that need not be there, of a kind that the kernel tells of as of a change (tc). */
  find(type: number, payload: Uint8Array, purpose: Purpose): Message | undefined {
    return this.exchange(type, FLAG.ack | FLAG.echo, payload, purpose)[0];
  }

  /** Asks for all objects of a kind; again when they changed meanwhile and the answer may miss some. */
  dump(type: number, payload: Uint8Array, purpose: Purpose): Message[] {
    let messages: Message[] = [];
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      this.interrupted = false;
      messages = this.exchange(type, FLAG.dump, payload, purpose);
      if (!this.interrupted) break;
    }
    return messages;
  }

  private interrupted = false;

  private exchange(type: number, flags: number, payload: Uint8Array, purpose: Purpose): Message[] {
    this.sequence += 1;
    return withScratch((memory) => {
      const request = memory.allocate(HEADER_BYTES + payload.length);
      request.view.setUint32(0, request.bytes.length, true);
      request.view.setUint16(4, type, true);
      request.view.setUint16(6, FLAG.request | flags, true);
      request.view.setUint32(8, this.sequence, true);
      request.bytes.set(payload, HEADER_BYTES);
      check(
        syscall('sendto', this.fd, request.address, request.bytes.length, 0, 0, 0),
        purpose.operation,
        purpose.object,
      );
      const messages: Message[] = [];
      while (!this.receive(messages, purpose));
      return messages;
    });
  }

  /** Takes one datagram; true when the answer is complete. */
  private receive(messages: Message[], purpose: Purpose): boolean {
    return withScratch((memory) => {
      const buffer = memory.allocate(RECEIVE_BYTES);
      let received: number;
      do {
        received = syscall('recvfrom', this.fd, buffer.address, RECEIVE_BYTES, MSG_TRUNC, 0, 0);
      } while (received === -ERRNO.EINTR);
      check(received, purpose.operation, purpose.object);
      if (received > RECEIVE_BYTES) {
        throw new Error(`${purpose.operation} ${purpose.object}: an answer of ${received} bytes is too long`);
      }
      let complete = false;
      for (let at = 0; at + HEADER_BYTES <= received; ) {
        const length = buffer.view.getUint32(at, true);
        if (length < HEADER_BYTES || at + length > received) break;
        const type = buffer.view.getUint16(at + 4, true);
        const flags = buffer.view.getUint16(at + 6, true);
        const sequence = buffer.view.getUint32(at + 8, true);
        const payload = buffer.bytes.slice(at + HEADER_BYTES, at + length);
        at += alignUp4(length);
        if (sequence !== this.sequence) continue;
        // Also of the end: what changed since the last part is marked nowhere else (netlink_dump_done).
        if (flags & FLAG.dumpInterrupted) this.interrupted = true;
        if (type === NLMSG_ERROR || type === NLMSG_DONE) {
          throwIfRefused(type, flags, payload, purpose);
          complete = true;
        } else messages.push({ type, payload });
      }
      return complete;
    });
  }
}

/**
 * struct nlmsgerr: error i32, then the request (its header only when capped), then attributes of the
 * extended ack. NLMSG_DONE carries the error of a failed dump in the same place.
 */
function throwIfRefused(type: number, flags: number, payload: Uint8Array, purpose: Purpose): void {
  if (payload.length < 4) return;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const result = view.getInt32(0, true);
  if (result >= 0) return;
  let attributesAt = 4;
  if (type === NLMSG_ERROR) {
    const requestBytes = flags & NLM_F_CAPPED ? HEADER_BYTES : view.getUint32(4, true);
    attributesAt += alignUp4(requestBytes);
  }
  const detail =
    flags & NLM_F_ACK_TLVS
      ? new Attributes(payload.subarray(attributesAt)).string(NLMSGERR_ATTR_MSG)
      : undefined;
  throw new KernelError({ ...purpose, errno: -result, detail, hint: purpose.hint?.(errnoName(-result)) });
}
