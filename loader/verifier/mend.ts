/** What the verifier's refusals mean for a program in TypeScript, and what to write instead. */

export interface Mend {
  /** Stable name, for documentation and JSON. */
  readonly name: string;
  /** Parts of the kernel's words, over its versions. */
  readonly pattern: RegExp;
  readonly why: string;
  readonly instead: string;
}

/** A reference that may be undefined. */
export const UNCHECKED: Mend = {
  name: 'unchecked-lookup',
  pattern: /'(map_value|mem|ringbuf_mem|alloc_mem|sock|ptr_)\w*_or_null'|_or_null_? .*expected|NULL pointer/,
  why: 'the reference is undefined where the map has no such entry, and nothing on this path has ruled that out.',
  instead: 'test it before its first use: `if (entry === undefined) return ...`.',
};

export const MENDS: readonly Mend[] = [
  UNCHECKED,
  {
    name: 'outside-packet',
    pattern: /invalid access to packet|offset is outside of the packet/,
    why: 'on this path the packet is not known to reach as far as this access.',
    instead:
      'read through `skb.at(Layout, offset)` and test for undefined; index with a number that a mask or comparison bounds.',
  },
  {
    name: 'packet-offset',
    pattern:
      /pkt pointer (and|be out|with)|math between pkt pointer|pointer be out of bounds|makes pkt pointer/,
    why: 'the offset into the packet has no bound that the verifier can see.',
    instead: 'bound it first: `offset & 0x7fff`, or `if (offset > 1500) return ...`.',
  },
  {
    name: 'stale-reference',
    pattern: /invalid mem access '(scalar|inv)'/,
    why: 'what this reads through is no longer a reference: a helper may have moved the packet since, or it is a plain number.',
    instead: 'call `skb.at` again after the helper, or `lookup` again after what changed the value.',
  },
  {
    name: 'read-only',
    pattern:
      /write into map forbidden|cannot write into (rdonly|read-only)|store.*rdonly|R\d+ cannot write into/,
    why: 'this memory is read-only to programs: settings are fixed when the program is loaded.',
    instead: 'keep what changes in a global or a map.',
  },
  {
    name: 'packet-read-only',
    pattern: /cannot write into packet/,
    why: 'programs of this type may read packets and not change them.',
    instead: 'change packets in a classifier or an XDP program.',
  },
  {
    name: 'atomic-place',
    pattern: /BPF_(ATOMIC|XADD) stores into/,
    why: 'atomic operations work on maps, globals and the stack only.',
    instead: 'load the field, change it and store it.',
  },
  {
    name: 'map-bounds',
    pattern:
      /invalid access to map value|unbounded memory access|outside of the allowed memory range|invalid access to memory, mem_size/,
    why: 'the index may lie beyond the array.',
    instead: 'mask it (`i & 15` for 16 elements) or compare it just before (`if (i >= 16) return ...`).',
  },
  {
    name: 'stack-bounds',
    pattern:
      /variable-offset (read|write|access)? ?.*stack|invalid (indirect |variable-offset |unbounded )*(access|read|write|stack)[^;]*stack|invalid stack type|invalid indirect access/,
    why: 'the access may lie outside of the memory that `stack(Layout)` gave.',
    instead: 'bound the index by a mask or a comparison that the verifier sees on this path.',
  },
  {
    name: 'stack-size',
    pattern: /combined stack size|stack frames is too deep|call stack of \d+ frames/,
    why: 'all functions on one chain of calls share 512 bytes of stack and 8 frames.',
    instead: 'keep large values in a per-CPU map, or let a function be inlined.',
  },
  {
    name: 'endless-loop',
    pattern: /infinite loop detected|back-edge from insn/,
    why: 'a round of the loop leaves everything as it was, so it may never end.',
    instead: 'count the rounds and bound them by a constant: `for (const i of range(32)) { ... break; }`.',
  },
  {
    name: 'too-many-branches',
    pattern: /sequence of \d+ jumps is too complex/,
    why: 'every round of the loop leaves another way open: the verifier keeps 8,192 of them at most.',
    instead: 'bound the loop by a smaller constant, and leave it in fewer places.',
  },
  {
    name: 'too-long',
    pattern: /BPF program is too large|processed 1000001/i,
    why: 'the verifier walks every round of every loop on every path, a million instructions at most.',
    instead: 'make the constant that bounds the loop smaller, or move a part into a noinline function.',
  },
  {
    name: 'return-range',
    pattern: /At program exit the register R0|At callback return/,
    why: 'programs of this type may give only certain verdicts.',
    instead: 'return one of the verdicts that the language names for the type, on every path.',
  },
  {
    name: 'unknown-helper',
    pattern: /unknown func|program of this type cannot use helper|invalid func|cannot use helper/,
    why: 'this kernel has no such helper for programs of this type.',
    instead: 'use another helper; the kernel that each needs stands beside it in the language reference.',
  },
  {
    name: 'licence',
    pattern: /GPL/,
    why: 'this helper is for programs under a GPL-compatible licence.',
    instead: 'compile with the licence GPL, or use another helper.',
  },
  {
    name: 'context-field',
    pattern: /invalid bpf_context access/,
    why: 'this kernel gives programs of this type no such field of the context, or not for writing.',
    instead: 'leave the field out; docs/kernels.md says which kernel has which.',
  },
  {
    name: 'pointer-leak',
    pattern:
      /leaks addr|pointer arithmetic .*prohibited|pointer comparison prohibited|pointer operation prohibited/,
    why: 'an address would become a number that others can see.',
    instead: 'work with what the reference refers to, not with the reference.',
  },
  {
    name: 'unset-register',
    pattern: /!read_ok/,
    why: 'a value is used that no instruction on this path has set: the compiler is at fault.',
    instead: 'report the program; until then `natra compile --disable PASS` may help.',
  },
  {
    name: 'unreleased',
    pattern: /Unreleased reference|BPF_EXIT instruction .*lock|reference leak/,
    why: 'on this path something that was taken is not given back: a reservation, or a lock.',
    instead: 'submit or discard every reservation, and unlock every lock, before each return.',
  },
  {
    name: 'lock',
    pattern: /spin_lock|calls are not allowed while holding a lock|while holding a lock/,
    why: 'between lock and unlock a program may do little: no calls, no second lock, no return.',
    instead: 'compute first, then lock, store and unlock.',
  },
  {
    name: 'alignment',
    pattern: /misaligned/,
    why: 'the access does not lie at a multiple of its size.',
    instead: 'order the fields of the struct by size, or use `struct` in place of `packed`.',
  },
  {
    name: 'too-many-parts',
    pattern: /total number of maps|too many subprog|too many different ctx/,
    why: 'one program has 64 maps and 256 functions at most.',
    instead: 'let functions be inlined, put several values into one map, or make two programs.',
  },
];

/** The first row of the table that fits the verifier's words. */
export const mendFor = (message: string): Mend | undefined =>
  MENDS.find(({ pattern }) => pattern.test(message));
