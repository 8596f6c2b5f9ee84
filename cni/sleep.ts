const nothing = new Int32Array(new SharedArrayBuffer(4));

/** Does nothing for that long; a plugin has no other work meanwhile. */
export const sleep = (milliseconds: number): void => void Atomics.wait(nothing, 0, 0, milliseconds);
