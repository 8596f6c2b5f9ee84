/** The kernel objects that a node's pins hold, so that a test can ask later whether the kernel still has them. */
import {
  closeDescriptor,
  linkInfo,
  listPins,
  mapInfo,
  type ObjectKind,
  openById,
  openPins,
  programInfo,
} from '../../loader/index.ts';

export interface KernelObject {
  readonly kind: ObjectKind;
  readonly id: number;
}

/** Programs, maps and links under a directory of natra's pins. */
export function pinnedObjects(root: string): KernelObject[] {
  const places = listPins(root).flatMap(({ key, labels }) => labels.map((label) => ({ root, key, label })));
  return places.flatMap((place) => {
    const pins = openPins(place);
    if (pins === undefined) return [];
    try {
      const { programFd, linkFd } = pins;
      return [
        ...(programFd === undefined ? [] : programObjects(programFd)),
        ...(linkFd === undefined ? [] : [{ kind: 'link', id: linkInfo(linkFd).id } as const]),
        ...Object.values(pins.maps).map(({ fd }) => ({ kind: 'map', id: mapInfo(fd).id }) as const),
      ];
    } finally {
      pins.close();
    }
  });
}

function programObjects(fd: number): KernelObject[] {
  const { id, mapIds } = programInfo(fd);
  return [{ kind: 'program', id }, ...mapIds.map((map) => ({ kind: 'map', id: map }) as const)];
}

/** Those that the kernel still has. */
export const alive = (objects: readonly KernelObject[]): KernelObject[] =>
  objects.filter(({ kind, id }) => {
    const fd = openById(kind, id);
    if (fd !== undefined) closeDescriptor(fd);
    return fd !== undefined;
  });
