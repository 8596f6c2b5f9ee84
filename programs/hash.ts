/**
 * Flow hash: multiplications with xor-shift finalisers over the whole key. Its four 16-bit slices index the sketch's
 * rows. Fewer multiplications fail on sequential ports and addresses.
 */
import type { u64 } from '../dsl/lang/index.ts';
import { config } from './config.ts';

/** Odd constants with well-spread bits: the multipliers of splitmix64 and of MurmurHash3's 64-bit finaliser. */
const M1 = 0xbf58476d1ce4e5b9n;
const M2 = 0x94d049bb133111ebn;
const M3 = 0xff51afd7ed558ccdn;

/** Two IPv6 addresses to 64 bits, every bit counting. */
export function foldAddresses(a: u64, b: u64, c: u64, d: u64): u64 {
  let h: u64 = a * M1;
  h = ((h ^ (h >> 32n)) + b) * M2;
  h = ((h ^ (h >> 29n)) + c) * M3;
  h = ((h ^ (h >> 32n)) + d) * M1;
  return h ^ (h >> 31n);
}

/** The hash of a flow key, seeded per attachment so that collisions can't be prepared from outside. */
export function flowHash(addresses: u64, transport: u64): u64 {
  let h: u64 = (addresses ^ config.seed) * M1;
  h = ((h ^ (h >> 32n)) + transport) * M2;
  h = (h ^ (h >> 29n)) * M3;
  return h ^ (h >> 32n);
}
