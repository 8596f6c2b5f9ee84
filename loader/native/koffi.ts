/**
 * The one place that finds and opens koffi's native addon. The addon is opened directly: koffi's JavaScript
 * wrapper costs some 10 ms of a CNI process and gives nothing that the loader uses.
 *
 * Installed, the addon is `koffi.node` beside the bundle; a bundler has to define `import.meta.dirname` as
 * `__dirname` in CommonJS output. From the source tree it is taken from the `@koromix/koffi-*` package.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { LibraryHandle } from 'koffi';

export interface KoffiAddon {
  readonly version: string;
  load(path: string | null): LibraryHandle;
  address(buffer: ArrayBuffer): number | bigint;
  /** Memory that this process has mapped, as a buffer. */
  view(address: number, bytes: number): ArrayBuffer;
  errno(): number;
}

let addon: KoffiAddon | undefined;

/** Whether anybody has called `koffi`: to open it for little costs more than it saves. */
export const isOpen = (): boolean => addon !== undefined;

/** Opens the addon at the first call and gives the same one from then on. */
export function koffi(): KoffiAddon {
  addon ??= open(candidates(import.meta.dirname, process.arch));
  return addon;
}

/** Where the addon may be, best first: beside `directory`, then in the packages of the directories above it. */
export function candidates(directory: string, arch: string): string[] {
  const paths = [join(directory, 'koffi.node')];
  for (let at = directory; ; at = dirname(at)) {
    for (const libc of ['linux', 'musl']) {
      paths.push(
        join(at, 'node_modules', '@koromix', `koffi-linux-${arch}`, `${libc}_${arch}`, 'koffi.node'),
      );
    }
    if (at === dirname(at)) return paths;
  }
}

/** Opens the first addon that the dynamic linker accepts: the glibc and musl builds refuse each other's libc. */
export function open(paths: readonly string[]): KoffiAddon {
  const refusals: string[] = [];
  for (const path of paths) {
    if (!existsSync(path)) continue;
    const module = { exports: {} };
    try {
      process.dlopen(module, path);
      return module.exports as KoffiAddon;
    } catch (error) {
      refusals.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const why = refusals.length > 0 ? refusals.join('; ') : `not found at ${paths[0]}`;
  throw new Error(`open the koffi addon: ${why}; install koffi.node beside the natra executable`);
}
