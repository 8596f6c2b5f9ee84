/** From a described object to live kernel objects: maps, sections, and the program that refers to them. */
import { btfForKernel, type KernelBtf } from '../../dsl/object/btf/kernel.ts';
import type { MapImage, ObjectImage, ProgramImage, SectionImage } from '../../dsl/object/image.ts';
import { decode, encodeAt, LDDW } from '../../dsl/object/instruction.ts';
import { specialise } from '../../dsl/object/specialise/index.ts';
import { fillTemplate, fits, type Template } from '../../dsl/object/specialise/template.ts';
import { btfLog, tryLoadBtf } from '../bpf/btf.ts';
import { programInfo } from '../bpf/info.ts';
import { createMap, MAP_FLAG, type MapDescription, type MapHandle } from '../bpf/map.ts';
import * as program from '../bpf/program.ts';
import type { VerifierStatistics } from '../bpf/statistics.ts';
import { ERRNO, KernelError, VerifierError } from '../errors.ts';
import { closeDescriptor } from '../native/files.ts';
import { inTurn, type Work } from '../native/work.ts';
import { explain } from '../verifier/explain.ts';
import { type Settings, sectionContents } from './sections.ts';

const SETTINGS = '.rodata';

export interface LoadOptions {
  /** Written into `.rodata` before it is frozen; variables and fields that are not given keep their initial value. */
  readonly settings?: Settings;
  /** Whether given settings are made part of the code, which then has no use for `.rodata`. Default: true. */
  readonly specialise?: boolean;
  /** Programs that are specialised but for what these settings say; used where one fits. */
  readonly templates?: readonly Template[];
  /** Makes the map of `.rodata` even so, for those who want to read from its pin what is in force. Default: false. */
  readonly keepSettings?: boolean;
  /**
   * Whether the kernel keeps which line of source each instruction is of, and the text of those lines: most of the BTF,
   * and memory for as long as the program lives. A refusal is explained in terms of the source either way. Default: true.
   */
  readonly sourceLines?: boolean;
  /** With `sourceLines: false`: the BTF of the image without source lines, for those who have it already. */
  readonly btf?: KernelBtf;
  /** Kernel name of the program; the program's own by default. 15 characters are kept. */
  readonly name?: string;
  readonly expectedAttachType?: number;
  /** Live maps and sections to use instead of new ones, by name: what a replaced program hands on. */
  readonly reuse?: ReadonlyMap<string, MapHandle>;
  /** Told how much work the verifier had. */
  readonly onStatistics?: (statistics: VerifierStatistics) => void;
}

export interface LoadedProgram {
  readonly fd: number;
  readonly id: number;
  readonly name: string;
  readonly maps: Readonly<Record<string, MapHandle>>;
  /** The map of each section that the program refers to, and of `.rodata` where it was to be kept. */
  readonly sections: Readonly<Partial<Record<SectionImage['name'], MapHandle>>>;
  /** Why the kernel runs the program without BTF; undefined where it took the BTF. */
  readonly btfRefusal: string | undefined;
  /** Closes the program and its maps. Attached or pinned, they live on in the kernel. */
  close(): void;
}

/** Opened descriptors, closed together in reverse unless the load succeeds. */
class Opened {
  private readonly closers: (() => void)[] = [];

  fd(fd: number): number {
    this.closers.push(() => closeDescriptor(fd));
    return fd;
  }

  map(map: MapHandle): MapHandle {
    this.closers.push(() => map.close());
    return map;
  }

  close(): void {
    for (const close of this.closers.splice(0).reverse()) close();
  }
}

/**
 * Creates the maps and sections that the program refers to, fills and freezes `.rodata`, and loads the program,
 * made for its settings where some are given.
 * Nothing stays in the kernel when it throws.
 */
export const loadProgram = (image: ObjectImage, programName: string, options?: LoadOptions): LoadedProgram =>
  inTurn(loadingProgram(image, programName, options));

/** The same while other work goes on. */
export function* loadingProgram(
  image: ObjectImage,
  programName: string,
  options: LoadOptions = {},
): Work<LoadedProgram> {
  const found = image.programs.find((candidate) => candidate.name === programName);
  if (!found) {
    const known = image.programs.map((candidate) => candidate.name).join(', ');
    throw new Error(`load program ${programName}: the object has only ${known}`);
  }
  const opened = new Opened();
  try {
    return yield* loadInto(opened, image, specialised(image, found, options), options);
  } catch (error) {
    opened.close();
    throw error;
  }
}

/** The program with the settings in its code. Sections in use elsewhere hold what they hold: those are left alone. */
function specialised(image: ObjectImage, found: ProgramImage, options: LoadOptions): ProgramImage {
  const section = image.sections.find(({ name }) => name === SETTINGS);
  if (!section || options.settings === undefined || options.specialise === false) return found;
  if (options.reuse?.has(SETTINGS)) return found;
  const contents = sectionContents(section, options.settings);
  const template = options.templates?.find(
    (each) => each.program.name === found.name && fits(each, contents),
  );
  return template ? fillTemplate(template, contents) : specialise(found, contents);
}

interface Btf {
  readonly fd: number;
  readonly records: KernelBtf;
}

/** What the kernel is told of the program's types: made beforehand, where its functions begin as they did then. */
function describedFor(image: ObjectImage, found: ProgramImage, options: LoadOptions): KernelBtf {
  if (options.sourceLines !== false) return btfForKernel({ ...image, programs: [found] });
  const original = image.programs.find(({ name }) => name === found.name);
  const isAsBefore =
    original?.functions.length === found.functions.length &&
    original.functions.every(({ slot }, index) => slot === found.functions[index]?.slot);
  if (options.btf && isAsBefore) return options.btf;
  return btfForKernel({ ...image, programs: [{ ...found, lines: [] }] });
}

function* loadInto(
  opened: Opened,
  image: ObjectImage,
  found: ProgramImage,
  options: LoadOptions,
): Work<LoadedProgram> {
  const records = describedFor(image, found, options);
  const btfFd = tryLoadBtf(records.blob);
  const btf: Btf | undefined = btfFd < 0 ? undefined : { fd: opened.fd(btfFd), records };
  const maps: Record<string, MapHandle> = {};
  const sections: Partial<Record<SectionImage['name'], MapHandle>> = {};
  const targets = found.relocations.map(({ target }) => target);
  if (options.keepSettings) targets.push({ kind: 'section', name: SETTINGS, offset: 0 });
  for (const target of targets) {
    const reused = options.reuse?.get(target.name);
    if (target.kind === 'map') {
      maps[target.name] ??= reused ?? opened.map(createImageMap(image, target.name, btf));
    } else {
      sections[target.name] ??= reused ?? opened.map(createSection(image, found, target.name, options, btf));
    }
  }
  const { fd, refusal } = yield* loadWithBtf(
    {
      name: options.name ?? found.name,
      kind: found.kind,
      code: relocate(found, maps, sections),
      license: image.license,
      ...(options.expectedAttachType === undefined ? {} : { expectedAttachType: options.expectedAttachType }),
      ...(options.onStatistics && { onStatistics: options.onStatistics }),
    },
    programBtf(btf, found.name),
    found,
  );
  opened.fd(fd);
  return {
    fd,
    id: programInfo(fd).id,
    name: found.name,
    maps,
    sections,
    btfRefusal: btf ? refusal : `BTF refused: ${btfLog(records.blob).trim() || 'the kernel has no BTF'}`,
    close: () => opened.close(),
  };
}

function programBtf(btf: Btf | undefined, name: string): program.ProgramBtf | undefined {
  const records = btf?.records.programs.get(name);
  if (!btf || !records) return undefined;
  return { fd: btf.fd, functionInfo: records.functions.records, lineInfo: records.lines.records };
}

/**
 * Loads with debug records and, when that is refused, without: they describe the program and aren't needed to
 * run it. When both are refused the program itself is wrong, and the first error has its source lines.
 */
function* loadWithBtf(
  description: program.ProgramDescription,
  btf: program.ProgramBtf | undefined,
  image: ProgramImage,
): Work<{ fd: number; refusal: string | undefined }> {
  if (!btf) return { fd: yield* loadExplained(description, image), refusal: undefined };
  try {
    return { fd: yield* loadExplained({ ...description, btf }, image), refusal: undefined };
  } catch (error) {
    // Where the verifier came as far as the code, the debug records are right.
    const walked = error instanceof VerifierError && error.explanation?.instruction !== undefined;
    if (!(error instanceof KernelError) || walked || error.errno === ERRNO.EAGAIN) throw error;
    try {
      return { fd: program.loadProgram(description), refusal: error.message };
    } catch {
      throw error;
    }
  }
}

/** Loads; a refusal by the verifier comes back in terms of the program's source. */
function* loadExplained(description: program.ProgramDescription, image: ProgramImage): Work<number> {
  try {
    return yield* program.loadingProgram(description);
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    throw new VerifierError(error, error.log, explain(image, error.log));
  }
}

/** Creates a map with its BTF types, and without when the kernel refuses them. */
function createTyped(map: MapDescription, btf: MapDescription['btf']): MapHandle {
  if (!btf) return createMap(map);
  try {
    return createMap({ ...map, btf });
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return createMap(map);
  }
}

function createImageMap(image: ObjectImage, name: string, btf: Btf | undefined): MapHandle {
  const map = image.maps.find((candidate) => candidate.name === name);
  if (!map) throw new Error(`create map ${name}: the object does not describe it`);
  const typed = (one: MapImage): MapDescription['btf'] => {
    const types = btf?.records.maps.get(one.name);
    return btf && types && { fd: btf.fd, keyType: types.key, valueType: types.value };
  };
  const { inner } = map;
  if (!inner) return createTyped(map, typed(map));
  // The kernel reads the template when it makes the outer map, and keeps what it needs of it.
  const template = createTyped(inner, typed(inner));
  try {
    return createMap({ ...map, innerMapFd: template.fd });
  } finally {
    template.close();
  }
}

function createSection(
  image: ObjectImage,
  found: ProgramImage,
  name: SectionImage['name'],
  options: LoadOptions,
  btf: Btf | undefined,
): MapHandle {
  const section = image.sections.find((candidate) => candidate.name === name);
  if (!section) throw new Error(`create section ${name}: the object does not describe it`);
  const readOnly = name === SETTINGS;
  const contents = sectionContents(section, readOnly ? options.settings : undefined);
  const types = btf?.records.sections.get(name);
  const map = createTyped(
    {
      name: `${(options.name ?? found.name).slice(0, 15 - name.length)}${name}`,
      kind: 'array',
      keySize: 4,
      valueSize: section.size,
      maxEntries: 1,
      flags: readOnly ? MAP_FLAG.rdonlyProgram : 0,
    },
    btf && types !== undefined ? { fd: btf.fd, keyType: 0, valueType: types } : undefined,
  );
  try {
    if (readOnly || section.initial) map.update(new Uint8Array(4), contents);
    if (readOnly) map.freeze();
    return map;
  } catch (error) {
    map.close();
    throw error;
  }
}

/** The program's code with the descriptors of its maps in the LDDWs that name them. */
function relocate(
  found: ProgramImage,
  maps: Readonly<Record<string, MapHandle>>,
  sections: Readonly<Partial<Record<SectionImage['name'], MapHandle>>>,
): Uint8Array {
  const code = found.code.slice();
  for (const { slot, target } of found.relocations) {
    const map = target.kind === 'map' ? maps[target.name] : sections[target.name];
    if (!map) throw new Error(`relocate slot ${slot} of ${found.name}: ${target.name} was not created`);
    const src = target.kind === 'map' ? LDDW.mapFd : LDDW.mapValue;
    encodeAt(code, slot, { ...decode(code, slot), src, imm: map.fd });
    const imm = target.kind === 'map' ? 0 : target.offset;
    encodeAt(code, slot + 1, { ...decode(code, slot + 1), imm });
  }
  return code;
}
