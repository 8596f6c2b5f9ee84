/** What a test left in the kernel, among what others make meanwhile. */
import { linkInfo, listIds, mapInfo, type ObjectKind, openById, programInfo } from '../bpf/info.ts';
import { closeDescriptor } from '../native/files.ts';

function namesOf(kind: ObjectKind, nameOf: (fd: number) => string): string[] {
  return listIds(kind).flatMap((id) => {
    const fd = openById(kind, id);
    if (fd === undefined) return [];
    try {
      return [nameOf(fd)];
    } finally {
      closeDescriptor(fd);
    }
  });
}

/** Programs, maps and links of programs whose kernel name starts with `prefix`, as sorted texts. */
export function kernelObjects(prefix: string): string[] {
  const programs = new Set<number>();
  const program = namesOf('program', (fd) => {
    const info = programInfo(fd);
    if (info.name.startsWith(prefix)) programs.add(info.id);
    return info.name;
  });
  const links = namesOf('link', (fd) => (programs.has(linkInfo(fd).programId) ? prefix : ''));
  const maps = namesOf('map', (fd) => mapInfo(fd).name);
  const own = (kind: string, names: string[]): string[] =>
    names.filter((name) => name.startsWith(prefix)).map((name) => `${kind} ${name}`);
  return [...own('link', links), ...own('map', maps), ...own('program', program)].sort();
}

/** Waits for the kernel to free what was closed: it does so after a grace period. Gives what remains. */
export async function remainingObjects(prefix: string): Promise<string[]> {
  let remaining = kernelObjects(prefix);
  for (let attempt = 0; attempt < 100 && remaining.length > 0; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    remaining = kernelObjects(prefix);
  }
  return remaining;
}
