/** Typed trees to object images, clocks and randomness in memory. */
import { compileTree } from '../../dsl/compiler/index.ts';
import { withSeams } from '../../dsl/compiler/lower/index.ts';
import type { ModuleTree } from '../../dsl/compiler/tree/tree.ts';
import type { ObjectImage } from '../../dsl/object/image.ts';
import type { Rodata } from '../../dsl/object/specialise/constants.ts';

export interface Compiled {
  /** With `__seams` in `.bss`. */
  readonly module: ModuleTree;
  readonly image: ObjectImage;
}

/** `without` names optimisation passes to leave out; `settings` are those that the programs are made for. */
export function compiled(tree: ModuleTree, without: readonly string[] = [], settings?: Rodata): Compiled {
  const module = withSeams(tree);
  const options = {
    seams: 'memory',
    disablePasses: new Set(without),
    ...(settings && { settings }),
  } as const;
  return { module, image: compileTree(module, options).object };
}
