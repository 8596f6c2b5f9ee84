/** Installing and the way back: the executable before the chain that calls it, and the chain first when it goes. */
import { type ChainRequest, joinChain, type Left, leaveChain, planChain } from './chain.ts';
import { installExecutable, type Release, removeExecutable } from './executable.ts';
import { type FileSystem, removeAbandoned } from './files.ts';

export interface InstallRequest extends ChainRequest {
  /** Where the runtime looks for plugins: `/opt/cni/bin`. */
  readonly binDirectory: string;
}

export interface Installed {
  /** The list that natra is in now. */
  readonly path: string;
  readonly chainChanged: boolean;
  readonly executableChanged: boolean;
}

/** Puts natra on the node; does nothing where it is there already. Killed at any instant, it can be repeated. */
export function install(files: FileSystem, request: InstallRequest, release: Release): Installed {
  const edit = planChain(request);
  const executableChanged = installExecutable(files, request.binDirectory, release);
  for (const directory of [request.binDirectory, release.directory, request.confDirectory])
    removeAbandoned(files, directory, Date.now());
  return { path: edit.path, chainChanged: joinChain(files, edit), executableChanged };
}

export interface Uninstalled {
  readonly left: readonly Left[];
  readonly executableRemoved: boolean;
}

/** Takes natra off the node; does nothing where it is not there. Limits in force stay until their Pods end. */
export function uninstall(
  files: FileSystem,
  { binDirectory, confDirectory }: Pick<InstallRequest, 'binDirectory' | 'confDirectory'>,
): Uninstalled {
  for (const directory of [binDirectory, confDirectory]) removeAbandoned(files, directory, Date.now());
  const left = leaveChain(files, confDirectory);
  return { left, executableRemoved: removeExecutable(files, binDirectory) };
}
