/** The language of natra's kernel programs: everything that a program may import. */
export * from './helpers.ts';
export * from './integers.ts';
export * from './intrinsics.ts';
export * from './layout.ts';
export * from './maps.ts';
export * from './programs.ts';
