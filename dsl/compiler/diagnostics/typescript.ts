/**
 * Why the language has TypeScript's own errors, and what to write instead: those that writers of kernel programs meet. The
 * first row whose code and words fit is taken; TypeScript's message stays as it is.
 */
export interface Reason {
  /** One sentence: what in a kernel program stands behind it. */
  readonly why: string;
  /** What to write instead; `{name}` is the text that the error points at. */
  readonly advice: string;
}

export interface TypescriptRow extends Reason {
  /** TypeScript's number. */
  readonly code: number;
  /** What its message says, where one number has several reasons. */
  readonly says?: RegExp;
  /** The smallest module that triggers it, below an import of everything that dsl/lang exports. */
  readonly example: string;
}

const program = (body: string): string =>
  `export const example = classifier((skb) => {\n  ${body}\n  return 0;\n});`;
const HEADER = 'const Header = struct({ type: be16, ttl: u8 });\n';
const CELLS = 'const cells = arrayMap({ value: struct({ bytes: u64 }), maxEntries: 8 });\n';
const FLOWS =
  'const flows = hashMap({ key: struct({ id: u32 }), value: struct({ bytes: u64 }), maxEntries: 8 });\n';
const STATE = 'const state = global(struct({ count: u64, small: u32 }));\n';

/** A number of 64 bits where a narrower one is due, or the other way round. */
const OTHER_SIZE =
  /Type '(?:[ui](?:8|16|32)|number|-?\d+)' is not \w+ to type 'bigint'|Type '(?:[ui]64|bigint|-?\d+n)' is not \w+ to type 'number'/;
const ABSENT = /Type 'undefined' is not assignable/;
const FUNCTION = /^Type '\([^']*\) => /;

const absent = (advice: string): Reason => ({
  why: 'skb.at and lookup give undefined where nothing is there, and the verifier asks for the same test as TypeScript.',
  advice,
});
const TEST_FIRST = absent(
  'bind it to a const and leave first where that is undefined: `if (found === undefined) return ...`.',
);
const SIZES = {
  why: 'u64 and i64 are bigint and the narrower integers number, and neither becomes the other by itself.',
  advice:
    'convert explicitly, as in u64(x), or u32(x) for the low bits; literals of 64 bits end in n, as in 1n, others do not.',
};
const NARROWER = {
  why: 'the type has not all the values of what is given, and bits or the sign would be lost without a word.',
  advice: 'convert it, as in u8(x): the low bits that fit are kept; or widen the type.',
};
/** An integer of up to 32 bits where one with fewer values is due. */
const OTHER_WIDTH = /[Tt]ype '[ui](?:8|16|32)' is not assignable to (?:parameter of )?type '[ui](?:8|16|32)'/;
const NO_STRUCT = {
  why: 'what has a place in memory is a struct, whose fields have names; an integer layout alone is the type of a field.',
  advice: 'make a struct of it, as in `const Word = struct({ value: be32 })`, and name that.',
};
const NO_INTEGER = {
  why: 'a boolean has no number in the language until it is given one.',
  advice: 'convert it, as in u32(x), or write `x ? 1 : 0`.',
};
const NO_CALL = {
  why: 'a function is no value: this names it and does not run it.',
  advice: 'call it, with its parentheses.',
};
const NO_FIELD = {
  why: 'only the fields of its layout or its type have a place in memory or a register.',
  advice: 'correct the name, or declare the field where the layout or the type is.',
};
const FIELDS = {
  why: 'a value for memory or for a function has exactly the fields of its layout, so that each byte is set.',
  advice: 'write an object literal with every field by its name, and no other.',
};
const COUNT = {
  why: 'each argument goes into one register, in the order of the declaration.',
  advice:
    'give the arguments that the declaration names; an editor shows them over the name, docs/language.md lists the helpers.',
};
const UNKNOWN_NAME = {
  why: 'nothing of this name is declared here or imported.',
  advice: 'correct the name, declare it, or import it: the language itself comes from dsl/lang/index.ts.',
};
const NO_MODULE = {
  why: 'a program is made of files beside it and of dsl/lang: there are no packages in the kernel.',
  advice: "import a file by its relative path, as in './state.ts'.",
};
const RETURN_MISSING = {
  why: 'whoever calls it uses the result, so there must be one on every path.',
  advice: 'return a value at the end as well.',
};
const VERDICT_MISSING = {
  why: 'the kernel acts on what the program returns, whichever way it went.',
  advice: 'return a verdict on every path, as in `return TC_ACT_UNSPEC;` at the end.',
};
const TYPE_MISSING = {
  why: 'every value needs a width or a layout that is known when the program is compiled.',
  advice: 'write its type, as in `x: u32`.',
};
const UNSET = {
  why: 'the verifier refuses to read a register that nothing has set.',
  advice: 'give it a value where it is declared, above its first use.',
};
const TWICE = {
  why: 'a name stands for one thing in its block.',
  advice: 'rename one of the two.',
};
const SYNTAX = {
  why: 'from here on the text is not TypeScript.',
  advice: 'look at what stands just before it: a bracket, a comma or an operand is missing or too many.',
};

export const TYPESCRIPT: readonly TypescriptRow[] = [
  {
    code: 18048,
    ...absent('test it before its first use: `if ({name} === undefined) return ...`.'),
    example: `${HEADER}${program('const header = skb.at(Header, 0);\n  skb.mark = header.ttl;')}`,
  },
  { code: 2532, ...TEST_FIRST, example: `${CELLS}${program('cells.lookup(0).bytes += 1n;')}` },
  {
    code: 2322,
    says: ABSENT,
    ...TEST_FIRST,
    example: `${HEADER}${program('const header: Ref<typeof Header> = skb.at(Header, 0);')}`,
  },
  {
    code: 2345,
    says: /=> void' is not assignable to parameter of type '.*(?:Verdict|SocketSkb\) => u32)'/,
    ...VERDICT_MISSING,
    example: 'export const example = classifier((skb) => {\n  skb.mark = 1;\n});',
  },
  {
    code: 2345,
    says: /undefined\)?' is not assignable to parameter of type '\([^']*(?:\) => \w+Verdict|SocketSkb\) => u32)'/,
    ...VERDICT_MISSING,
    example: 'export const example = classifier((skb) => {\n  if (skb.len > 64) return TC_ACT_SHOT;\n});',
  },
  {
    code: 2345,
    says: ABSENT,
    ...TEST_FIRST,
    example: `${HEADER}const ttl = (header: Ref<typeof Header>): u8 => header.ttl;\n${program('skb.mark = ttl(skb.at(Header, 0));')}`,
  },
  {
    code: 2365,
    says: /'(?:[ui]64|bigint|-?\d+n)'/,
    ...SIZES,
    example: `${STATE}${program('state.count += skb.len;')}`,
  },
  {
    code: 2367,
    says: /'(?:[ui]64|bigint|-?\d+n)'/,
    ...SIZES,
    example: `${STATE}${program('if (state.count === 0) return 1;')}`,
  },
  {
    code: 2678,
    says: OTHER_SIZE,
    ...SIZES,
    example: program('switch (skb.mark) {\n    case 1n:\n      return 1;\n  }'),
  },
  { code: 2322, says: FUNCTION, ...NO_CALL, example: program('skb.tstamp = clock.now;') },
  { code: 2322, says: OTHER_SIZE, ...SIZES, example: `${STATE}${program('skb.mark = state.count;')}` },
  { code: 2345, says: OTHER_SIZE, ...SIZES, example: program('skbPullData(skb, 1n);') },
  {
    code: 2769,
    says: OTHER_SIZE,
    ...SIZES,
    example: `${STATE}${program('skb.mark = min(skb.len, state.count);')}`,
  },
  {
    code: 2322,
    says: /^Type '-?\d+ & \{.*__verdict.*is not assignable to type '-?\d+ & \{/,
    why: 'a variable without an annotation has the type of its first value, which is that one verdict.',
    advice: 'give it the type of all verdicts of its kind, as in `let verdict: TcVerdict = TC_ACT_OK`.',
    example: program(
      'let verdict = TC_ACT_OK;\n  if (skb.len > 64) verdict = TC_ACT_SHOT;\n  if (skb.mark === 1) return verdict;',
    ),
  },
  { code: 2322, says: OTHER_WIDTH, ...NARROWER, example: program('const low: u8 = skb.mark;') },
  {
    code: 2345,
    says: OTHER_WIDTH,
    ...NARROWER,
    example: `const twice = (x: u8): u32 => 2 * x;\n${program('skb.mark = twice(skb.len);')}`,
  },
  {
    code: 2322,
    says: /^Type '\{[\s\S]*is not assignable to type '\{/,
    why: 'a name has one layout or one set of fields, of which the compiler takes the places.',
    advice: 'give the other one a name of its own, or the same fields.',
    example: `${HEADER}const Ports = struct({ source: be16 });\n${program('let found = skb.at(Header, 0);\n  found = skb.at(Ports, 20);')}`,
  },
  { code: 2322, says: /^Type 'boolean'/, ...NO_INTEGER, example: program('skb.mark = skb.len > 64;') },
  {
    code: 2345,
    says: /^Argument of type 'boolean'/,
    ...NO_INTEGER,
    example: program('skbPullData(skb, skb.len > 64);'),
  },
  {
    code: 2322,
    says: /is not assignable to type '\w+Verdict'/,
    why: 'the kernel gives each kind of program its own verdicts.',
    advice:
      'return one of the constants of the kind, as in TC_ACT_SHOT for a classifier and XDP_DROP for XDP.',
    example: 'export const example = xdp(() => TC_ACT_SHOT);',
  },
  {
    code: 2345,
    says: /is not assignable to parameter of type '\([^']*\) => \w+Verdict'/,
    why: 'the kernel gives each kind of program its own verdicts.',
    advice:
      'return one of the constants of the kind, as in TC_ACT_SHOT, or convert an integer that is one: i32(x) in a classifier, u32(x) in XDP and for cgroups.',
    example:
      'export const example = classifier((skb) => {\n  if (skb.len > 64) return skb.mark;\n  return TC_ACT_OK;\n});',
  },
  {
    code: 2345,
    says: /^Argument of type '(?:Integer|Field)<\w+>' is not assignable to parameter of type 'Struct</,
    ...NO_STRUCT,
    example: program('const word = skb.at(be32, 12);'),
  },
  {
    code: 2741,
    says: /in type '(?:Integer|Field)<\w+>' but required in type 'Struct</,
    ...NO_STRUCT,
    example: 'const counts = hashMap({ key: u32, value: u64, maxEntries: 8 });',
  },
  {
    code: 2345,
    says: /is not assignable to parameter of type '\w+Options</,
    why: 'a map is made before the program runs, of what these options say.',
    advice:
      'give every option that is missing by its name; docs/language.md lists those of each kind of map.',
    example: 'const cells = arrayMap({ value: struct({ bytes: u64 }) });',
  },
  {
    code: 2345,
    says: /parameter of type 'Struct</,
    why: 'this parameter takes a layout, of which the compiler knows the size; what is given is memory or a value.',
    advice: 'name the layout itself, as in `skb.at(Header, 14)`.',
    example: `${HEADER}${program('const header = skb.at(stack(Header), 0);')}`,
  },
  {
    code: 2345,
    says: /parameter of type 'IntegerField</,
    why: 'an atomic operation works on one integer field, at an offset that the compiler knows.',
    advice: 'name an integer field of the layout.',
    example: `${STATE}${program("atomic.add(state, 'sum', 1n);")}`,
  },
  {
    code: 2345,
    says: /parameter of type '(?:Stored<)?\{[\s\S]*missing/,
    ...FIELDS,
    example: `${FLOWS}${program('const flow = flows.lookup(skb.mark);')}`,
  },
  { code: 2353, ...FIELDS, example: `${FLOWS}${program('const flow = flows.lookup({ id: 1, port: 2 });')}` },
  {
    code: 2741,
    ...FIELDS,
    example: program('const both: { first: u32; second: u32 } = { first: 1 };\n  skb.mark = both.second;'),
  },
  {
    code: 2345,
    why: 'what is given has another form in memory or registers than what the function reads.',
    advice:
      'pass what the type of the parameter names: an integer of its size, a reference to its layout, or the context.',
    example: `${HEADER}${program('skbStoreBytes(stack(Header), 0, stack(Header), 0n);')}`,
  },
  {
    code: 2339,
    says: /on type '\w*(?:Skb|Xdp\w*)'/,
    why: 'a program sees of a packet the fields that the kernel gives its kind, under the names of docs/language.md.',
    advice: 'use one of those; what is in the packet itself comes through `skb.at(Layout, offset)`.',
    example: program('skb.mark = skb.sourcePort;'),
  },
  {
    code: 2339,
    says: /on type '\w*Map</,
    why: 'each kind of map has the operations that the kernel gives it; the entries of an array are all there from the start.',
    advice: 'look the entry up and write to its fields; docs/language.md lists the operations of each kind.',
    example: `${CELLS}${program('cells.update(0, { bytes: 5n });')}`,
  },
  {
    code: 2339,
    says: /on type '(?:[ui]\d+|number|bigint|-?\d+n?)'/,
    why: 'integers are registers: they have no methods.',
    advice: 'use operators, and the functions that dsl/lang exports.',
    example: program('skb.mark = skb.len.toFixed();'),
  },
  { code: 2339, ...NO_FIELD, example: `${STATE}${program('state.total = 1n;')}` },
  { code: 2551, ...NO_FIELD, example: program('skb.mark = skb.lenn;') },
  { code: 2554, ...COUNT, example: program('skbPullData(skb);') },
  {
    code: 2550,
    why: 'the JavaScript library is not there at run time.',
    advice: 'use operators, loops over `range(n)` and the functions that dsl/lang exports.',
    example: program('if ([1, 2].includes(skb.mark)) return 1;'),
  },
  {
    code: 2304,
    says: /'(?:bpf_|__)?(?:htons|htonl|ntohs|ntohl|be16_to_cpu|be32_to_cpu|cpu_to_be16|cpu_to_be32)'/,
    why: 'byte order belongs to the layout: fields of be16, be32 and be64 are read and written as numbers of the host.',
    advice: 'leave it out; the fields of the context are in host order as well.',
    example: program('if (ntohs(skb.protocol) === 0x0800) return 1;'),
  },
  { code: 2304, ...UNKNOWN_NAME, example: program('skb.mark = lengthOf(skb);') },
  { code: 2552, ...UNKNOWN_NAME, example: `${STATE}${program('stat.count = 1n;')}` },
  {
    code: 2305,
    why: 'the module exports no such name.',
    advice: 'correct the name, or export it there; docs/language.md lists what dsl/lang has.',
    example: "import { sleep } from '../dsl/lang/index.ts';",
  },
  { code: 2307, ...NO_MODULE, example: "import { state } from './nowhere.ts';" },
  { code: 2591, ...NO_MODULE, example: "import { readFileSync } from 'node:fs';" },
  {
    code: 1361,
    why: 'the import is of the type alone, and a conversion is a function.',
    advice: 'import it without `type`: u32 and the like are type and function in one.',
    example: `import { type u64 as wide } from '../dsl/lang/index.ts';\n${program('skb.tstamp = wide(skb.len);')}`,
  },
  {
    code: 2749,
    why: 'a layout is a value of which the compiler takes the size; its type has to be asked for.',
    advice: 'write `Ref<typeof {name}>` for a reference to it.',
    example: `${HEADER}export const ttl = (header: Header): u8 => 1;`,
  },
  {
    code: 2588,
    why: 'a const keeps its value, which lets the compiler put it where it is used.',
    advice: 'declare it with `let`.',
    example: program('const count = 1;\n  count = 2;\n  skb.mark = count;'),
  },
  {
    code: 2540,
    why: "the kernel's verifier refuses writes to it: settings are fixed when a program is loaded, and most fields of the context are the kernel's.",
    advice:
      'keep what changes in a global or a map; docs/language.md says which fields of the context can be written.',
    example: program('skb.len = 64;'),
  },
  { code: 2355, ...RETURN_MISSING, example: 'export function size(bytes: u32): u32 {}' },
  {
    code: 2366,
    ...RETURN_MISSING,
    example: 'export function size(bytes: u32): u32 {\n  if (bytes > 64) return 64;\n}',
  },
  { code: 7006, ...TYPE_MISSING, example: 'export const twice = (x) => 2;' },
  { code: 7031, ...TYPE_MISSING, example: 'export const first = ({ a }) => 2;' },
  { code: 2454, ...UNSET, example: program('let least: u32;\n  skb.mark = least;') },
  {
    code: 2448,
    ...UNSET,
    example: `const double = twice(8);\nconst twice = (x: u32): u32 => x * 2;\n${program('')}`,
  },
  { code: 1155, ...UNSET, example: program('const least: u32;') },
  { code: 2451, ...TWICE, example: program('const a = 1;\n  const a = 2;') },
  { code: 2300, ...TWICE, example: 'type Size = u32;\ntype Size = u64;' },
  {
    code: 2447,
    why: 'the operator works on the bits of integers.',
    advice: 'write `&&` or `||`.',
    example: program('if ((skb.len > 64) & (skb.mark > 1)) return 1;'),
  },
  {
    code: 2488,
    why: 'there are no iterators at run time.',
    advice: 'count, as in `for (const i of range(8))`.',
    example: program('for (const i of 8) skb.mark = i;'),
  },
  {
    code: 2362,
    why: 'arithmetic is on integers; a reference or a record is none.',
    advice: 'name the field that is meant.',
    example: `${STATE}${program('skb.mark = state * 2;')}`,
  },
  { code: 1005, ...SYNTAX, example: program('const sum = 1 2;') },
  { code: 1109, ...SYNTAX, example: program('const sum = 1 +;') },
  {
    code: 1107,
    why: 'a jump goes to a place in the same function.',
    advice: 'leave a loop from within its own function, or return.',
    example: program(
      'for (const i of range(4)) {\n    const stop = () => {\n      break;\n    };\n    stop();\n  }',
    ),
  },
];

/** TypeScript's number for a function of more branches than it follows. Its smallest example has thousands: no row in the table. */
const TOO_LARGE = 2563;
const SMALLER: Reason = {
  why: 'TypeScript follows 2,000 steps back through a function, past some 700 branches, to know what may be undefined where.',
  advice: 'move parts of it to functions: calls are inlined all the same.',
};

/** The row of an error of TypeScript's; undefined for those that few ever meet. */
export const rowOf = (code: number, message: string): TypescriptRow | undefined =>
  TYPESCRIPT.find((row) => row.code === code && (row.says === undefined || row.says.test(message)));

/** Why and what instead, about the text that the error points at. */
export function reasonOf(code: number, message: string, pointedAt: string): Reason {
  const row = code === TOO_LARGE ? SMALLER : rowOf(code, message);
  return { why: row?.why ?? '', advice: row?.advice.replaceAll('{name}', pointedAt) ?? '' };
}
