/** Helper calls: pointers become memory and maps, the machine model does the work, r0 takes the result. */
import { callHelper, type Machine } from '../machine/call.ts';
import { type HelperRow, helperById, MAP_HELPERS } from '../machine/helpers.ts';
import { isValueMap, type ModelMap, type ValueMap } from '../machine/maps.ts';
import { MapOfMaps } from '../machine/reference-maps.ts';
import { RingBuffer } from '../machine/ring-buffer.ts';
import type { Context } from './context.ts';
import { AccessError, type AddressSpace, hex } from './memory.ts';
import { type Registers, readRegister, word, writeRegister } from './registers.ts';

/** What r1 to r5 hold after a call, low and high word: no program that the verifier accepts reads them. */
const SCRATCHED = 0x0bad0bad;
const WORD = 2 ** 32;
const FLAG_RB_AVAIL_DATA = 0n;
const FLAG_RB_RING_SIZE = 1n;

export class HelperCalls {
  readonly #registers: Registers;
  readonly #memory: AddressSpace;
  readonly #context: Context;
  /** Ring buffers that the program has reserved from, by their descriptors. */
  readonly #rings: RingBuffer[] = [];

  constructor(registers: Registers, memory: AddressSpace, context: Context) {
    this.#registers = registers;
    this.#memory = memory;
    this.#context = context;
  }

  /** Runs helper `id` with r1 to r5, leaves its result in r0 and makes r1 to r5 unusable. */
  call(machine: Machine, id: number): void {
    const row = helperById.get(id);
    if (row !== undefined) this.#callRow(machine, row);
    else this.#setResult(this.#callMap(machine, id));
    this.scratch();
  }

  scratch(): void {
    this.#registers.fill(SCRATCHED, 2, 12);
  }

  #callRow(machine: Machine, row: HelperRow): void {
    const scalars: bigint[] = [];
    const memory: Uint8Array[] = [];
    let takesContext = false;
    row.arguments.forEach((kind, index) => {
      const register = index + 1;
      if (kind === 'ctx') {
        this.#expectContext(register, row.kernelName);
        takesContext = true;
      } else if (kind === 'ref') {
        // Helpers that read leave the memory alone, so asking for a writable region would refuse .rodata.
        memory.push(this.#bytes(register, this.#low(register + 1) >>> 0, row.writesMemory === true));
      } else if (kind !== 'size') {
        scalars.push(readRegister(this.#registers, register));
      }
    });
    writeRegister(this.#registers, 0, callHelper(machine, row.name, { scalars, memory }));
    if (takesContext) this.#context.refresh(row.kernelName);
  }

  /** r0 of a helper on maps: a number, or a pointer as its tag times 2^32. */
  #callMap(machine: Machine, id: number): number {
    switch (id) {
      case MAP_HELPERS.lookup:
        return this.#lookup(machine.cpu);
      case MAP_HELPERS.lookupPercpu:
        return this.#lookup(this.#low(3) >>> 0);
      case MAP_HELPERS.update: {
        const map = this.#valueMap(1);
        const key = this.#bytes(2, map.image.keySize);
        const value = this.#bytes(3, map.image.valueSize);
        return map.update(key, value, readRegister(this.#registers, 4), machine.cpu);
      }
      case MAP_HELPERS.delete: {
        const map = this.#valueMap(1);
        return map.delete(this.#bytes(2, map.image.keySize));
      }
      case MAP_HELPERS.ringbufOutput: {
        const data = this.#bytes(2, this.#low(3) >>> 0);
        return this.#ring(1).output(data, readRegister(this.#registers, 4));
      }
      case MAP_HELPERS.ringbufReserve: {
        const ring = this.#ring(1);
        const record = readRegister(this.#registers, 3) === 0n ? ring.reserve(this.#low(2) >>> 0) : undefined;
        return this.#pointTo(record, `a record of ${ring.image.name}`);
      }
      case MAP_HELPERS.ringbufSubmit:
        return this.#settle(true);
      case MAP_HELPERS.ringbufDiscard:
        return this.#settle(false);
      case MAP_HELPERS.spinLock:
        return this.#lock(true);
      case MAP_HELPERS.spinUnlock:
        return this.#lock(false);
      case MAP_HELPERS.ringbufQuery: {
        const ring = this.#ring(1);
        const flag = readRegister(this.#registers, 2);
        if (flag === FLAG_RB_AVAIL_DATA) return ring.available;
        return flag === FLAG_RB_RING_SIZE ? ring.image.maxEntries : 0;
      }
      default:
        throw new AccessError(`call helper ${id}: the model has no such helper`);
    }
  }

  /** Takes a spin lock or gives it back; one CPU alone never has to wait. */
  #lock(take: boolean): number {
    const word = this.#bytes(1, 4, true);
    if ((word[0] === 0) !== take)
      throw new AccessError(
        take ? 'bpf_spin_lock: the lock is held' : 'bpf_spin_unlock: the lock is not held',
      );
    word[0] = take ? 1 : 0;
    return 0;
  }

  #lookup(cpu: number): number {
    const map = this.#map(1);
    const key = this.#bytes(2, map.image.keySize);
    if (map instanceof MapOfMaps) {
      const inner = map.lookup(key);
      return inner === undefined ? 0 : this.#memory.tagOfMap(inner) * WORD;
    }
    if (!isValueMap(map))
      throw new AccessError(`look up in map ${map.image.name}: a ${map.image.kind} has no values`);
    return this.#pointTo(map.lookup(key, cpu), `a value of map ${map.image.name}`);
  }

  #settle(submit: boolean): number {
    const low = this.#low(1);
    const high = this.#high(1);
    const record = this.#memory.region(low, high);
    const done =
      record !== undefined &&
      this.#rings.some((ring) => (submit ? ring.submit(record) : ring.discard(record)));
    if (!done)
      throw new AccessError(`submit or discard ${hex(low, high)}: not a reserved ring buffer record`);
    this.#memory.kill(high, 'which was submitted or discarded');
    return 0;
  }

  #ring(register: number): RingBuffer {
    const map = this.#map(register);
    if (!(map instanceof RingBuffer)) throw new AccessError(`use map ${map.image.name}: not a ring buffer`);
    if (!this.#rings.includes(map)) this.#rings.push(map);
    return map;
  }

  #valueMap(register: number): ValueMap {
    const map = this.#map(register);
    if (!isValueMap(map))
      throw new AccessError(`use map ${map.image.name}: programs can't change a ${map.image.kind}`);
    return map;
  }

  #map(register: number): ModelMap {
    return this.#memory.map(this.#low(register), this.#high(register));
  }

  #expectContext(register: number, helper: string): void {
    if (this.#low(register) === 0 && this.#high(register) === this.#context.tag) return;
    throw new AccessError(`call ${helper}: r${register} is not the context`);
  }

  #bytes(register: number, size: number, write = false): Uint8Array {
    return this.#memory.bytes(this.#low(register), this.#high(register), size, write);
  }

  #pointTo(bytes: Uint8Array | undefined, name: string): number {
    return bytes === undefined ? 0 : this.#memory.tagOf(name, bytes) * WORD;
  }

  #setResult(value: number): void {
    this.#registers[0] = value;
    this.#registers[1] = Math.floor(value / WORD);
  }

  #low(register: number): number {
    return word(this.#registers, 2 * register);
  }

  #high(register: number): number {
    return word(this.#registers, 2 * register + 1);
  }
}
