/** Runs the dataplane's parser on packets and reads the flow key that it leaves (programs/key.ts). */
import path from 'node:path';
import { compile, formatDiagnostic } from '../../../dsl/compiler/index.ts';
import type { ModuleTree } from '../../../dsl/compiler/tree/tree.ts';
import { createInterpreter, type Hooks } from '../../../dsl/interpreter/index.ts';
import { Skb, type SkbOptions } from '../../../dsl/machine/index.ts';
import type { ObjectImage } from '../../../dsl/object/image.ts';
import type { StructLayout } from '../../../dsl/object/layout.ts';
import { createVm } from '../../../dsl/vm/index.ts';
import { type Settings, sectionContents } from '../../../loader/object/sections.ts';
import { decodeStruct } from '../../../loader/object/values.ts';

/** What `seen` of programs/key.ts holds. */
export interface Seen {
  readonly addresses: bigint;
  readonly transport: bigint;
  readonly sourceHigh: bigint;
  readonly sourceLow: bigint;
  readonly destinationHigh: bigint;
  readonly destinationLow: bigint;
  readonly version: number;
  readonly headerBytes: number;
  readonly wireBytes: number;
  readonly ecn: number;
  readonly vital: number;
}

/** The program's answer on a packet from its Ethernet header on. */
export type KeyOf = (packet: Uint8Array, fields?: SkbOptions) => Seen;

const PROGRAM = path.resolve(import.meta.dirname, '../../../programs/key.ts');
const VARIABLE = 'seen';
const NAMES = [
  'addresses',
  'transport',
  'sourceHigh',
  'sourceLow',
  'destinationHigh',
  'destinationLow',
  'version',
  'headerBytes',
  'wireBytes',
  'ecn',
  'vital',
] as const;

/** The parser's two executions gave different keys. */
export class Disagreement extends Error {}

function seenIn(layout: StructLayout, offset: number, section: Uint8Array | undefined): Seen {
  if (section === undefined) throw new Error(`read ${VARIABLE}: the program has no .bss`);
  const fields = decodeStruct(layout, section.subarray(offset));
  const wide = (name: string): bigint => {
    const value = fields[name];
    if (typeof value === 'bigint') return value;
    throw new Error(`read ${VARIABLE}: ${name} is not a 64-bit field of ${PROGRAM}`);
  };
  const narrow = (name: string): number => {
    const value = fields[name];
    if (typeof value === 'number') return value;
    throw new Error(`read ${VARIABLE}: ${name} is not a field of at most 32 bits of ${PROGRAM}`);
  };
  return {
    addresses: wide('addresses'),
    transport: wide('transport'),
    sourceHigh: wide('sourceHigh'),
    sourceLow: wide('sourceLow'),
    destinationHigh: wide('destinationHigh'),
    destinationLow: wide('destinationLow'),
    version: narrow('version'),
    headerBytes: narrow('headerBytes'),
    wireBytes: narrow('wireBytes'),
    ecn: narrow('ecn'),
    vital: narrow('vital'),
  };
}

function withSettings<T extends Pick<ObjectImage, 'sections'>>(image: T, settings: Settings): T {
  const sections = image.sections.map((section) =>
    section.name === '.rodata' ? { ...section, initial: sectionContents(section, settings) } : section,
  );
  return { ...image, sections };
}

/**
 * Compiles the program and runs it in the interpreter and in the VM. The function throws a {@link Disagreement} when
 * they differ. `hooksOf`: what is told of the interpreter's runs. `settings`: in place of a parser that reads everything.
 */
export function createKeyOf(
  hooksOf: (tree: ModuleTree) => Hooks = () => ({}),
  settings: Settings = {},
): KeyOf {
  const compiled = compile(PROGRAM);
  if (compiled.object === undefined || compiled.tree === undefined)
    throw new Error(compiled.diagnostics.map((each) => formatDiagnostic(each, new Map())).join('\n'));
  const object = withSettings(compiled.object, settings);
  const tree = withSettings(compiled.tree, settings);
  const variable = object.sections
    .flatMap(({ variables }) => variables)
    .find(({ name }) => name === VARIABLE);
  if (variable === undefined) throw new Error(`compile ${PROGRAM}: it has no global named ${VARIABLE}`);
  const { layout, offset } = variable;
  const interpreter = createInterpreter(tree, { hooks: hooksOf(tree) });
  const vm = createVm(object);
  return (packet, fields) => {
    interpreter.run('key', new Skb(packet.slice(), fields));
    vm.run('key', new Skb(packet.slice(), fields));
    const inInterpreter = seenIn(layout, offset, interpreter.sections.get('.bss'));
    const inVm = seenIn(layout, offset, vm.sections.get('.bss'));
    const differing = NAMES.find((name) => inInterpreter[name] !== inVm[name]);
    if (differing !== undefined) {
      throw new Disagreement(
        `${differing} is ${inInterpreter[differing]} in the interpreter and ${inVm[differing]} in the vm`,
      );
    }
    return inVm;
  };
}
