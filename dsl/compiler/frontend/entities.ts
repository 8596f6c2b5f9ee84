/** What a name can stand for while a program is compiled: a value of the tree, or something that never is one. */
import type { ts } from 'ts-morph';
import type { MapImage, ProgramKind } from '../../object/image.ts';
import type { Layout } from '../../object/layout.ts';
import type { Expression } from '../tree/tree.ts';
import type { Scope } from './scope.ts';

/** A module-level function as written; each tuple of argument types makes one FunctionTree of it. */
export interface FunctionSource {
  readonly id: number;
  readonly name: string;
  readonly node: ts.FunctionDeclaration | ts.ArrowFunction | ts.FunctionExpression;
  readonly noinline: boolean;
  /** Where a function inside a function stands: what it captures are names there. */
  readonly within?: Scope;
}

export interface ProgramSource {
  readonly name: string;
  readonly kind: ProgramKind;
  readonly body: FunctionSource;
  readonly node: ts.VariableDeclaration;
}

export type Entity =
  | { readonly kind: 'value'; readonly value: Expression }
  | { readonly kind: 'layout'; readonly layout: Layout }
  | { readonly kind: 'map'; readonly map: MapImage }
  | { readonly kind: 'function'; readonly source: FunctionSource }
  | { readonly kind: 'program'; readonly source: ProgramSource }
  /** A name that dsl/lang declares and the compiler lowers itself. */
  | { readonly kind: 'intrinsic'; readonly name: string };

/** The name of an entity's kind in messages. */
export function describeEntity(entity: Entity): string {
  switch (entity.kind) {
    case 'value':
      return 'a value';
    case 'layout':
      return 'a layout';
    case 'map':
      return `the map '${entity.map.name}'`;
    case 'function':
      return `the function '${entity.source.name}'`;
    case 'program':
      return `the program '${entity.source.name}'`;
    case 'intrinsic':
      return `'${entity.name}'`;
  }
}
