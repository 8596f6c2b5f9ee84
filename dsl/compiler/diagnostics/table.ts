/**
 * Every refusal of the compiler's own checker, one row a code. `{...}` in a title is filled in by whoever refuses.
 * Codes are stable: 1xxx syntax and JavaScript at large, 2xxx integers and types, 3xxx memory, 4xxx control flow,
 * 5xxx programs and functions.
 */
export interface DiagnosticRow {
  /** What is wrong, lower case, with placeholders. */
  readonly title: string;
  /** One sentence: why it can't be lowered. */
  readonly why: string;
  /** What to write instead. */
  readonly advice: string;
}

export const DIAGNOSTICS = {
  N1001: {
    title: 'unsupported syntax: {syntax}',
    why: 'a kernel program has no heap, no prototypes and no exceptions, so only a part of TypeScript has a meaning in it.',
    advice: 'write it with functions, integers, layouts and plain control flow.',
  },
  N1002: {
    title: 'classes are not part of the language',
    why: 'an instance would need a heap and dynamic dispatch.',
    advice: 'use a struct layout for memory and an object literal for values.',
  },
  N1003: {
    title: 'async functions and generators are not part of the language',
    why: 'a kernel program runs to its end and cannot be suspended.',
    advice: 'write an ordinary function.',
  },
  N1004: {
    title: "the type 'any' is refused",
    why: 'every value needs a width or a layout that is known when the program is compiled.',
    advice: 'name an integer type, Ref<typeof Layout>, or an interface.',
  },
  N1005: {
    title: 'strings are not part of the language',
    why: 'text has no fixed size and the kernel side has nothing to do with it.',
    advice: 'use integer constants; a const enum gives them names.',
  },
  N1006: {
    title: "'{operator}' is refused",
    why: 'its conversions between types have no meaning on integers of fixed width.',
    advice: "write '{strict}'.",
  },
  N1007: {
    title: 'exceptions are not part of the language',
    why: 'there is nothing to unwind to: a program returns a verdict.',
    advice: 'return early with a value that says what went wrong.',
  },
  N1008: {
    title: 'rest is refused, and spread but for the fields of an object literal',
    why: 'values have a fixed set of fields and functions a fixed number of parameters.',
    advice: 'name each field, element or parameter.',
  },
  N1009: {
    title: "the operator '{operator}' is refused",
    why: 'it is about objects with a shape, about values that are not there, or about floating point, and a kernel program has none of them.',
    advice: 'compare a reference with undefined, keep a boolean, or multiply integers.',
  },
  N1010: {
    title: 'type assertions are refused',
    why: 'an assertion changes what the editor believes and not what the verifier sees.',
    advice: 'convert integers with u32(x) and the like; test references with `=== undefined`.',
  },
  N1011: {
    title: '{text} is not an integer',
    why: 'the BPF machine has no floating point.',
    advice: 'scale the value to an integer.',
  },
  N1012: {
    title: "'null' is not part of the language",
    why: 'undefined is the one value for "not there".',
    advice: 'write undefined.',
  },
  N1013: {
    title: "'{name}' does not exist in a kernel program",
    why: 'the JavaScript library is not there at run time.',
    advice:
      'use what dsl/lang exports: min, max, random, clock, helpers; `natra trace` shows what a program does to packets, in place of a console.',
  },
  N1014: {
    title: 'a function inside a function must be a const arrow function',
    why: 'calls are inlined where they stand: a hoisted function or a method would need a place of its own.',
    advice: 'write `const name = (x: u32) => ...` before its first call, or move it to module level.',
  },
  N1015: {
    title: "'{name}' calls itself",
    why: 'calls are inlined and the stack is 512 bytes, so recursion has no end that can be shown.',
    advice: 'write a loop with a constant bound.',
  },
  N1016: {
    title: 'variables at module level must be const',
    why: 'a module-level variable would be memory that all CPUs share, which has to have a layout.',
    advice: 'use global(struct({ ... })) for state.',
  },
  N1017: {
    title: "'var' is refused",
    why: 'its scope is the whole function.',
    advice: 'use let or const.',
  },
  N1018: {
    title: 'an assignment is not a value',
    why: 'the order of effects inside an expression is left out of the language.',
    advice: 'make it a statement of its own.',
  },
  N1019: {
    title: '{what} cannot be used as a value here',
    why: 'layouts, maps, functions and programs exist while compiling only.',
    advice: 'call it, look it up, or pass it straight to a function.',
  },
  N1020: {
    title: 'cannot call {what}',
    why: 'only module-level functions, methods of maps and of the context, and what dsl/lang exports can be called.',
    advice: 'call a named function.',
  },
  N1021: {
    title: 'only declarations stand at module level',
    why: 'nothing runs when a program is loaded.',
    advice: 'move the statement into a program or a function.',
  },
  N1022: {
    title: 'a default in a pattern is refused',
    why: 'a default stands in for undefined, which an integer never is and for which a reference has to be tested.',
    advice: 'take the part without it; where a reference may be undefined, test that with `=== undefined`.',
  },
  N2001: {
    title: '{from} does not fit {to}',
    why: 'the high bits would be lost without a trace.',
    advice: 'convert explicitly: {to}(...).',
  },
  N2002: {
    title: '{from} is not {to}: the sign changes',
    why: 'the same bits mean different numbers in the two types.',
    advice:
      'convert explicitly: {to}(...); or give the variable or the function that it comes from a type, which literals take on.',
  },
  N2003: {
    title: "'{operator}' on {left} and {right}",
    why: 'neither type holds every value of the other.',
    advice: 'convert one side explicitly, as in {left}(...).',
  },
  N2004: {
    title: '{value} is out of range for {type}',
    why: 'a literal has to be a value of its type.',
    advice: 'use a literal between {lowest} and {highest}, or a wider type.',
  },
  N2005: {
    title: 'an integer is not a condition',
    why: 'integers have no truth value in the language.',
    advice: 'write `x !== {zero}`.',
  },
  N2006: {
    title: 'expected {expected}, found {found}',
    why: 'the two have different representations.',
    advice: 'give both sides the same type.',
  },
  N2007: {
    title: "'{operator}' cannot compare {left} and {right}",
    why: 'only integers and booleans have values to compare; references have places.',
    advice: 'compare fields, or a reference with undefined.',
  },
  N2008: {
    title: 'a shift by {count} on {bits} bits',
    why: 'the machine takes the count modulo the width, which is never what such a count means.',
    advice: 'shift by 0 to {highest}.',
  },
  N2009: {
    title: 'the reference may be to {left} or to {right}',
    why: 'the verifier has to know which memory an instruction touches.',
    advice: 'read the fields in each branch, or call a function in each.',
  },
  N2010: {
    title: 'only references may be undefined, not {type}',
    why: 'an integer or a record has no spare value that could mean "not there".',
    advice:
      'put `?? 0` or a comparison behind `?.`, as in `entry?.count ?? 0`; return a record with a boolean field, or a value outside the range; give a parameter a default.',
  },
  N2011: {
    title: '{what} must be a constant',
    why: 'the compiler needs the number to lay out memory or to bound a loop.',
    advice: 'use a literal, or a module-level constant made of literals.',
  },
  N2012: {
    title: 'this value must be bound to a const first',
    why: 'its parts are used one by one, and it would be computed once for each.',
    advice: 'write `const value = ...` and use that.',
  },
  N2013: {
    title: '{what} is {value}, and may be 1 to {most}',
    why: 'the kernel makes nothing that is empty, and counts no further.',
    advice: 'write a number of that range.',
  },
  N2014: {
    title: 'the index of a tuple must be a constant',
    why: 'the parts of a tuple lie in registers, of which an instruction names one.',
    advice:
      'keep a table in memory: `const table = settings(struct({ cells: array(u32, 3) }), { cells: [3, 5, 7] })`; for parts that the program computes use `stack`.',
  },
  N3001: {
    title: 'the index may be {range}, but the array has {length} elements',
    why: 'the verifier refuses an access that it cannot bound.',
    advice: 'mask the index (`i & {mask}`) or compare it first (`if (i < {length})`).',
  },
  N3002: {
    title: 'the offset may be {range}: {size} bytes there may end beyond 65535',
    why: 'the verifier refuses packet offsets that it cannot bound to 16 bits.',
    advice: 'mask the offset (`offset & 0x7fff`) or compare it first.',
  },
  N3003: {
    title: 'the packet may have moved since this reference was made',
    why: 'helpers that move packet data invalidate every packet reference.',
    advice: 'call skb.at again after the helper.',
  },
  N3004: {
    title: '{what} cannot be written',
    why: '.rodata is frozen before the program runs.',
    advice: 'keep changing state in a global or a map.',
  },
  N3005: {
    title: 'a whole object cannot be stored in memory',
    why: 'a store writes one integer.',
    advice: 'assign its fields one by one.',
  },
  N3006: {
    title: "'{name}' cannot be a member of a layout",
    why: 'a layout is made of integer fields, arrays and other layouts.',
    advice: 'use u8 to u64, i8 to i64, be16 to be64, array(...) or a struct.',
  },
  N3007: {
    title: '{what} belongs at module level, as a const',
    why: 'it describes memory that exists before the program runs.',
    advice: 'write `const name = ...` at the top of the file.',
  },
  N3008: {
    title: 'an atomic operation on {type}',
    why: 'the machine has atomics on 32 and 64 bits in host order only.',
    advice: 'make the field u32, i32, u64 or i64.',
  },
  N3009: {
    title: "two of {what} are named '{name}'",
    why: 'names identify them in the object file and to user space.',
    advice: 'rename one.',
  },
  N3010: {
    title: '{what}: {problem}',
    why: 'the kernel refuses to create such a map.',
    advice: 'correct the option.',
  },
  N3011: {
    title: 'an atomic operation on packet memory',
    why: 'the verifier allows atomics on maps, globals and the stack only.',
    advice: 'load the field, change it and store it.',
  },
  N3012: {
    title: 'a program of the kind {kind} cannot write to the packet',
    why: 'the verifier gives it packet memory to read only.',
    advice: "decide by the program's result, or write from a classifier.",
  },
  N3013: {
    title: "'{helper}' cannot use {space} memory",
    why: 'the verifier lets this helper reach the stack, maps and globals, and settings only where it reads.',
    advice: 'use stack(layout), and copy fields to or from it.',
  },
  N3014: {
    title: 'the record reserved here is neither submitted nor discarded {where}',
    why: 'its room in the ring buffer would never come back, so that the verifier refuses the program.',
    advice: 'call submit or discard on each path behind the test that it is there.',
  },
  N3015: {
    title: 'this record may no longer be reserved here',
    why: "once submitted or discarded it is user space's, and one of several records can't be told from the others.",
    advice: 'submit or discard it once on each path, last, under the name that it was reserved as.',
  },
  N3016: {
    title: '{what} while a spin lock is held',
    why: 'other CPUs spin meanwhile, so the verifier allows nothing but computing, loads and stores under a lock.',
    advice: 'do it before or behind `locked`, and keep the result in a const.',
  },
  N3017: {
    title: 'a spin lock in {where}',
    why: 'the kernel finds a lock as a field of the value of an array or hash map that all CPUs share, one in each value.',
    advice: 'give the value of an arrayMap or hashMap one field `spinLock`.',
  },
  N3018: {
    title: 'an atomic operation on a field that does not lie at a multiple of its {bytes} bytes',
    why: 'the verifier refuses atomic operations that may be misaligned.',
    advice: 'use `struct` in place of `packed`, or put the field where its offset is such a multiple.',
  },
  N3019: {
    title: 'a record that is reserved outside of a long loop is submitted or discarded in it',
    why: 'the verifier walks one more round behind every one, and the record would be gone there.',
    advice: 'leave the loop with break, and submit or discard the record behind it.',
  },
  N3020: {
    title: 'a reserved record is both key and value of an update',
    why: 'the verifier lets a call to the kernel refer to one record of a ring buffer.',
    advice: 'copy the fields of one into an object literal.',
  },
  N3021: {
    title: 'an index into packet memory in a long loop',
    why: 'the verifier may lose the packet reference from one round to the next.',
    advice: 'call skb.at in the loop, at the offset of the element, and read its fields.',
  },
  N3022: {
    title: '{what} takes {bytes} bytes',
    why: 'the kernel keeps 2147483647 bytes in one value at most, and all globals together are one.',
    advice: 'make it smaller, or let an array map hold its parts.',
  },
  N4001: {
    title: 'a case falls through into the next',
    why: 'cases are branches, each with its own end.',
    advice: 'end it with break, continue or return; cases without code may be grouped.',
  },
  N4002: {
    title: 'a loop without an end',
    why: 'the verifier has to see that every program ends.',
    advice:
      'give it a condition that fails at last, or leave it with break or return; an unsigned counter is never below 0, so count down while `i > 0`, or with an i32.',
  },
  N4004: {
    title: 'for..of runs over range(n) only',
    why: 'there are no iterators at run time.',
    advice: 'write `for (const i of range(8))`.',
  },
  N4005: {
    title: 'the loop may have {range} rounds, and takes at most 8388608',
    why: 'the kernel runs no round at all where more are asked for (BPF_MAX_LOOPS).',
    advice: 'bound the count, as in `range(min(n, 8388608))`.',
  },
  N4006: {
    title: 'a long loop leaves a reference to the stack in {where}',
    why: 'the kernel runs each round as a function of its own, which may not leave an address of the stack to its caller.',
    advice:
      'let the loop find a number, and choose the reference by it afterwards; or copy what it refers to.',
  },
  N4007: {
    title: "'{jump}' leaves a long loop",
    why: 'the kernel runs each round as a function of its own, which can go on, end the loop or return, and nothing else.',
    advice: 'make the outer loop a function and return from it, or keep in a variable that it ends too.',
  },
  N5001: {
    title: "the program '{name}' is not exported",
    why: 'programs are the entry points of the object file.',
    advice: 'write `export const {name} = ...`.',
  },
  N5002: {
    title: "'{name}' has {count} parameters",
    why: 'a BPF subprogram takes at most five arguments in registers.',
    advice: 'pass fewer, or let the function be inlined.',
  },
  N5003: {
    title: '{type} cannot be passed to a noinline function',
    why: 'a BPF subprogram receives and returns single registers.',
    advice: 'pass the fields, or let the function be inlined.',
  },
  N5004: {
    title: "'{name}' has no program body",
    why: 'a program is one function that receives the context.',
    advice:
      'write `classifier((skb) => ...)`, `xdp((packet) => ...)` or the like, or name a module-level function.',
  },
  N5005: {
    title: 'the program cannot be emitted: {problem}',
    why: 'the BPF machine bounds what a program may use: 512 bytes of stack, jumps of 32767 instructions.',
    advice: 'do less in one program, or keep large values in a map.',
  },
  N5006: {
    title: "the name '{name}' has more than {most} characters",
    why: 'the kernel keeps the names of maps and programs in 16 bytes and those of functions and variables in 128.',
    advice: 'shorten it.',
  },
  N5007: {
    title: 'the result may be {range}; programs of the kind {kind} return {allowed}',
    why: 'the kernel gives no other result a meaning, and the verifier may refuse the program.',
    advice: 'return one of the constants of the kind, or compare the value first.',
  },
  N5008: {
    title: "'{helper}' is not there for programs of the kind {kind}",
    why: 'the kernel offers each kind of program its own helpers.',
    advice: 'call it from {kinds}.',
  },
  N5009: {
    title: 'a tail call in {where}',
    why: "the next program takes over the frame of the program itself, not that of a function of the kernel's or of its own.",
    advice: 'make the tail call where the program itself runs, in an inlined function or behind the loop.',
  },
  N5010: {
    title: "the name '{name}' has a character that the kernel doesn't take",
    why: 'what ends up in the object file (maps, programs, globals, layouts and their fields) is named by ASCII letters, digits and _.',
    advice: 'rename it.',
  },
  N5011: {
    title: "'{name}' has a spin lock, and programs of the kind {kind} can use no such map",
    why: 'the verifier keeps maps with spin locks from them.',
    advice: 'let a program of another kind leave what this one reads in another map.',
  },
} as const satisfies Record<string, DiagnosticRow>;

export type DiagnosticCode = keyof typeof DIAGNOSTICS;
