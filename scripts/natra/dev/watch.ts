/** Tells of files that were saved: changes that come together, as editors make them, are told together. */
import { type FSWatcher, watch } from 'node:fs';
import path from 'node:path';

/** ms after the last event: an editor that writes a new file and renames it makes several, within one. */
const SETTLED = 2;

export class Watcher {
  private readonly watchers = new Map<string, FSWatcher>();
  private changed = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  /** `onChange` gets absolute paths of TypeScript files. */
  constructor(private readonly onChange: (files: ReadonlySet<string>) => void) {}

  /** Watches these folders and no others. */
  watch(folders: ReadonlySet<string>): void {
    for (const [folder, watcher] of this.watchers)
      if (!folders.has(folder)) {
        watcher.close();
        this.watchers.delete(folder);
      }
    for (const folder of folders)
      if (!this.watchers.has(folder))
        this.watchers.set(
          folder,
          watch(folder, (_event, name) => {
            if (name?.endsWith('.ts')) this.add(path.join(folder, name));
          }),
        );
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
