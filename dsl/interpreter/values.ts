/**
 * What a running program holds. Integers are bigints, always within their type's range; records are plain objects
 * that never change; `undefined` is the language's `undefined` and the result of a void call.
 */

import type { IntType, Space, Span } from '../compiler/tree/tree.ts';
import type { ModelMap } from '../machine/maps.ts';
import type { Layout } from '../object/layout.ts';

/** A place in memory. */
export class Reference {
  readonly bytes: Uint8Array;
  /** Bytes from the start of `bytes`. */
  readonly offset: number;
  readonly layout: Layout;
  readonly space: Space;
  /** Packet references: the packet's generation when the reference was made (dsl/machine/skb.ts). */
  readonly generation: number;

  constructor(bytes: Uint8Array, offset: number, layout: Layout, space: Space, generation = 0) {
    this.bytes = bytes;
    this.offset = offset;
    this.layout = layout;
    this.space = space;
    this.generation = generation;
  }

  /** The place `offset` bytes further, laid out as `layout`. */
  at(offset: number, layout: Layout): Reference {
    return new Reference(this.bytes, this.offset + offset, layout, this.space, this.generation);
  }
}

/** A map that another map holds. */
export class InnerMap {
  readonly map: ModelMap;

  constructor(map: ModelMap) {
    this.map = map;
  }
}

/** The program's context as a value: it can only be passed on. */
export const CONTEXT = Symbol('context');

export interface RecordValue {
  readonly [field: string]: Value;
}

export type Value = bigint | boolean | typeof CONTEXT | Reference | InnerMap | RecordValue | undefined;

/** The program did what no checked program does, or what the kernel would have refused it; the message names the place. */
export class InterpreterError extends Error {
  constructor(span: Span, problem: string) {
    super(`${span.file}:${span.line}:${span.column}: ${problem}`);
    this.name = 'InterpreterError';
  }
}

/** Wraps to the type's width, two's complement. */
export function normalise(type: IntType, value: bigint): bigint {
  return type.signed ? BigInt.asIntN(type.bits, value) : BigInt.asUintN(type.bits, value);
}

export function isRecord(value: Value): value is RecordValue {
  return typeof value === 'object' && !(value instanceof Reference || value instanceof InnerMap);
}

export function expectInteger(value: Value, span: Span): bigint {
  if (typeof value === 'bigint') return value;
  throw new InterpreterError(span, `${describe(value)} where an integer is needed`);
}

export function expectBoolean(value: Value, span: Span): boolean {
  if (typeof value === 'boolean') return value;
  throw new InterpreterError(span, `${describe(value)} where a boolean is needed`);
}

export function expectReference(value: Value, span: Span): Reference {
  if (value instanceof Reference) return value;
  throw new InterpreterError(span, `${describe(value)} where a reference is needed`);
}

/** A value in words, for traces and errors. */
export function describe(value: Value): string {
  switch (typeof value) {
    case 'undefined':
      return 'undefined';
    case 'symbol':
      return 'the context';
    case 'object': {
      if (value instanceof Reference) {
        const { layout, space, offset } = value;
        return `${layout.kind === 'struct' ? layout.name : layout.kind} at ${space}+${offset}`;
      }
      if (value instanceof InnerMap) return `an inner map, a ${value.map.image.kind}`;
      const fields = Object.entries(value).map(([name, field]) => `${name}: ${describe(field)}`);
      return `{ ${fields.join(', ')} }`;
    }
    default:
      return String(value);
  }
}
