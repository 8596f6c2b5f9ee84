/**
 * Values of which the verifier knows nothing. It follows the rest of a program once for each way that leads there,
 * unless what the ways left behind looks the same to it; a constant that differs, used in an address or a comparison, is
 * enough to tell them apart. Exclusive or with a zero that it can't know makes them alike, at one instruction.
 */
import { u32 as narrow, type u32, type u64 } from '../dsl/lang/index.ts';
import { state } from './state.ts';

export const forget = (value: u64): u64 => value ^ state.zero;

export const forget32 = (value: u32): u32 => value ^ narrow(state.zero);
