/** Typed trees to object images, clocks and randomness in memory. */
import { compileTree } from '../../dsl/compiler/index.ts';
import { withSeams } from '../../dsl/compiler/lower/index.ts';
import type { ModuleTree } from '../../dsl/compiler/tree/tree.ts';
import type { ObjectImage } from '../../dsl/object/image.ts';

export interface Compiled {
  /** With `__seams` in `.bss`. */
  readonly module: ModuleTree;
  readonly image: ObjectImage;
}

/** `without` names optimisation passes to leave out. */
export function compiled(tree: ModuleTree, without: readonly string[] = []): Compiled {
  const module = withSeams(tree);
  const disablePasses = new Set(without);
  return { module, image: compileTree(module, { seams: 'memory', disablePasses }).object };
}
