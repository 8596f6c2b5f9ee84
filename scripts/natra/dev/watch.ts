/**
 * Tells of files that were saved or are gone, and of folders that came or went: changes that come together, as editors
 * make them, are told together.
 */
import { type FSWatcher, statSync, watch } from 'node:fs';
import path from 'node:path';

/** ms after the last event: an editor that writes a new file and renames it makes several, within one. */
const SETTLED = 2;

export class Watcher {
  private readonly watchers = new Map<string, FSWatcher>();
  private changed = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  /** `onChange` gets absolute paths of TypeScript files, and of folders. */
  constructor(private readonly onChange: (files: ReadonlySet<string>) => void) {}

  /** Watches these folders and no others. Whether there are new ones, in which anything may have changed before. */
  watch(folders: ReadonlySet<string>): boolean {
    for (const [folder, watcher] of this.watchers)
      if (!folders.has(folder)) {
        watcher.close();
        this.watchers.delete(folder);
      }
    const added = [...folders].filter((folder) => !this.watchers.has(folder));
    for (const folder of added) this.begin(folder);
    return added.length > 0;
  }

  private begin(folder: string): void {
    try {
      const watcher = watch(folder, (event, name) => {
        if (name?.endsWith('.ts')) this.add(path.join(folder, name));
        else if (name && event === 'rename') this.hear(path.join(folder, name));
      });
      this.watchers.set(folder, watcher);
    } catch (error) {
      // It went meanwhile, of which the folder that it was in tells.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }

  /** Something came or went. Where a folder of that name was watched, one that comes now is another. */
  private hear(name: string): void {
    const known = this.watchers.get(name);
    if (known === undefined && !statSync(name, { throwIfNoEntry: false })?.isDirectory()) return;
    known?.close();
    this.watchers.delete(name);
    this.add(name);
  }

  /** Whether nothing was saved that hasn't been told. */
  get isQuiet(): boolean {
    return this.changed.size === 0;
  }

  private add(file: string): void {
    this.changed.add(file);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const files = this.changed;
      this.changed = new Set();
      this.onChange(files);
    }, SETTLED);
  }

  close(): void {
    clearTimeout(this.timer);
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }
}
