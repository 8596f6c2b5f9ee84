import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPinned } from '../../loader/bpf/bpffs.ts';
import { linkInfo, mapInfo, type ObjectKind, openById, programInfo } from '../../loader/bpf/info.ts';
import { closeDescriptor } from '../../loader/native/files.ts';
import { executeOrThrow } from './command.ts';
import { inNamespace, type Namespace } from './namespace.ts';

/** A program, map or link that lives in the kernel. Ids are not used again for a long time. */
export interface KernelObject {
  readonly kind: ObjectKind;
  readonly id: number;
  readonly name: string;
}

/** Every file below a directory; none where it does not exist. */
export function pinsBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? [path, ...pinsBelow(path)] : [path];
  });
}

/**
 * All that a limiter made: what is pinned below its directory, what tc filters of these namespaces run, and
 * what those refer to (a link its program, a program its maps).
 */
export async function objectsOf(
  pinDirectory: string,
  namespaces: readonly Namespace[],
): Promise<readonly KernelObject[]> {
  const found = new Map<string, KernelObject>();
  const add = (kind: ObjectKind, id: number): void => {
    if (id === 0 || found.has(`${kind} ${id}`)) return;
    const fd = openById(kind, id);
    if (fd === undefined) return;
    try {
      if (kind === 'map') found.set(`${kind} ${id}`, { kind, id, name: mapInfo(fd).name });
      if (kind === 'link') {
        const { programId } = linkInfo(fd);
        found.set(`${kind} ${id}`, { kind, id, name: `of program ${programId}` });
        add('program', programId);
      }
      if (kind === 'program') {
        const { name, mapIds } = programInfo(fd);
        found.set(`${kind} ${id}`, { kind, id, name });
        for (const mapId of mapIds) add('map', mapId);
      }
    } finally {
      closeDescriptor(fd);
    }
  };
  for (const pin of pinsBelow(pinDirectory)) {
    const pinned = identify(pin);
    if (pinned !== undefined) add(pinned.kind, pinned.id);
  }
  for (const namespace of namespaces) {
    for (const id of await filterPrograms(namespace)) add('program', id);
  }
  return [...found.values()];
}

/** Those objects that are still there. */
export function stillThere(objects: readonly KernelObject[]): readonly KernelObject[] {
  return objects.filter(({ kind, id }) => {
    const fd = openById(kind, id);
    if (fd !== undefined) closeDescriptor(fd);
    return fd !== undefined;
  });
}

/**
 * Links, qdiscs and filters of a namespace, one line each, without figures that change by themselves.
 */
export async function trafficControl(namespace: Namespace): Promise<readonly string[]> {
  const list = async <Item>(file: string, ...args: string[]): Promise<Item[]> =>
    JSON.parse((await executeOrThrow(...inNamespace(namespace, file, ['-j', ...args]))) || '[]') as Item[];
  const links = await list<{ ifname: string }>('ip', 'link', 'show');
  const qdiscs = await list<{ kind: string; handle: string; dev: string }>('tc', 'qdisc', 'show');
  const lines = [
    ...links.map((link) => `link ${link.ifname}`),
    ...qdiscs.map((qdisc) => `qdisc ${qdisc.kind} ${qdisc.handle} on ${qdisc.dev}`),
  ];
  for (const { ifname } of links) {
    for (const hook of ['root', 'ingress', 'egress']) {
      const filters = await list<{ kind: string; pref: number }>('tc', 'filter', 'show', 'dev', ifname, hook);
      lines.push(...filters.map((filter) => `filter ${filter.kind} ${filter.pref} on ${ifname} ${hook}`));
    }
  }
  return [...new Set(lines)];
}

/** What a pin holds: the kernel names the object's id in the descriptor's fdinfo. */
function identify(pin: string): { readonly kind: ObjectKind; readonly id: number } | undefined {
  let fd: number | undefined;
  try {
    fd = openPinned(pin);
  } catch {
    return undefined; // A directory.
  }
  if (fd === undefined) return undefined;
  try {
    const description = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
    // A link's description names its program as well, so links are looked for first.
    for (const [kind, field] of [
      ['link', 'link_id'],
      ['program', 'prog_id'],
      ['map', 'map_id'],
    ] as const) {
      const id = new RegExp(`^${field}:\\s*(\\d+)`, 'm').exec(description)?.[1];
      if (id !== undefined) return { kind, id: Number(id) };
    }
    return undefined;
  } finally {
    closeDescriptor(fd);
  }
}

async function filterPrograms(namespace: Namespace): Promise<number[]> {
  const programs: number[] = [];
  const links = await executeOrThrow(...inNamespace(namespace, 'ip', ['-j', 'link', 'show']));
  for (const { ifname } of JSON.parse(links) as Array<{ readonly ifname: string }>) {
    for (const hook of ['ingress', 'egress']) {
      const args = ['-j', 'filter', 'show', 'dev', ifname, hook];
      const printed = await executeOrThrow(...inNamespace(namespace, 'tc', args));
      for (const filter of JSON.parse(printed || '[]') as ReadonlyArray<{
        readonly options?: { readonly prog?: { readonly id?: number } };
      }>) {
        if (filter.options?.prog?.id !== undefined) programs.push(filter.options.prog.id);
      }
    }
  }
  return programs;
}
