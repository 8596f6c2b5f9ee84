/** The kernel's side as data and as a model: tables of helpers and contexts, maps, packets, clocks. */
export * from './call.ts';
export * from './clock.ts';
export * from './contexts.ts';
export * from './errno.ts';
export * from './helpers.ts';
export * from './maps.ts';
export * from './packet.ts';
export * from './skb.ts';
export * from './test-run.ts';
export * from './xdp.ts';
