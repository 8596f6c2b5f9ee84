/** Garbage of what was made lately, collected while nobody waits: else V8 does it in the middle of what somebody waits for. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { readonly type: 'minor' }) => void;

let collect: Collect | undefined;

/** V8's `gc`, which a context has that is made once the flag is set (src/extensions/gc-extension.cc). */
function collector(): Collect {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc');
}

/** Of this thread's young generation; a few milliseconds. */
export function collectYoung(): void {
  collect ??= collector();
  collect({ type: 'minor' });
}
