/**
 * What addresses on the stack are multiples of. The verifier takes no access at an odd place there, on any machine, and
 * a reference that control flow has merged no longer says where it lies.
 */
import { alignmentOf, type Layout, membersOf, sizeOf } from '../../object/layout.ts';

/** No access asks for more, bytes. */
const WIDEST = 8;

/** Slots are aligned for the widest store that fits, so that zeroing and copying take few instructions. */
export function slotAlignment(layout: Layout): number {
  const size = sizeOf(layout);
  return size >= 8 ? 8 : size >= 4 ? 4 : Math.max(size >= 2 ? 2 : 1, alignmentOf(layout));
}

/** Layouts that references may share have the same; others may. */
function keyOf(layout: Layout): string {
  switch (layout.kind) {
    case 'int':
      return `${layout.bits}`;
    case 'array':
      return `${keyOf(layout.element)}[${layout.length}]`;
    case 'struct':
      return `${layout.name}:${layout.size}`;
  }
}

/** The largest power of two that divides `offset`; of 0, all that counts. */
export const dividing = (offset: number): number => (offset === 0 ? WIDEST : offset & -offset);

/** From all that lies on a program's stack, the least that an address of a layout is a multiple of, bytes. */
export function stackAlignments(roots: Iterable<Layout>): (layout: Layout) => number {
  const least = new Map<string, number>();
  const place = (layout: Layout, alignment: number): void => {
    if (layout.kind === 'int') return;
    const key = keyOf(layout);
    least.set(key, Math.min(alignment, least.get(key) ?? WIDEST));
    if (layout.kind === 'array') place(layout.element, Math.min(alignment, dividing(sizeOf(layout.element))));
    else
      for (const { layout: inner, offset } of membersOf(layout))
        place(inner, Math.min(alignment, dividing(offset)));
  };
  for (const root of roots) place(root, slotAlignment(root));
  return (layout) => least.get(keyOf(layout)) ?? alignmentOf(layout);
}
