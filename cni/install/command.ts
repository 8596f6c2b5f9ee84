/** `natra install` and `natra uninstall`. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { listPins } from '../../loader/index.ts';
import { upgradeAll } from '../change/upgrade.ts';
import type { Console } from '../console.ts';
import { release, releasePinned } from '../dataplane/release.ts';
import { describe, OperatorError } from '../errors.ts';
import type { Node } from '../node.ts';
import { attachmentKey } from '../state/key.ts';
import { withLock } from '../state/lock.ts';
import { isRecorded, listRecords, readRecord } from '../state/records.ts';
import { alone } from './alone.ts';
import type { BandwidthChoice } from './conflist.ts';
import { type Release, readRelease } from './executable.ts';
import { realFileSystem } from './files.ts';
import { type Installed, type InstallRequest, install, type Uninstalled, uninstall } from './install.ts';
import { keepEnsured } from './watch.ts';

const FOLDERS = {
  'cni-bin-dir': { type: 'string', default: '/opt/cni/bin' },
  'conf-dir': { type: 'string', default: '/etc/cni/net.d' },
} as const;

/** Every option of `natra install`. */
export const INSTALL_OPTIONS = {
  ...FOLDERS,
  'conf-file': { type: 'string' },
  'replace-bandwidth': { type: 'boolean', default: false },
  'beside-bandwidth': { type: 'boolean', default: false },
  'with-node': { type: 'boolean', default: false },
  upgrade: { type: 'boolean', default: false },
  watch: { type: 'boolean', default: false },
  'restore-on-exit': { type: 'boolean', default: false },
} as const;

/** Every option of `natra uninstall`. */
export const UNINSTALL_OPTIONS = { ...FOLDERS, release: { type: 'boolean', default: false } } as const;

/** Installs from `source`, the folder of the bundle; with `--watch` it comes back when a signal ends it. */
export async function installCommand(
  argv: string[],
  source: string,
  node: Node,
  console: Console,
): Promise<void> {
  const { values } = parseArgs({ args: argv, options: INSTALL_OPTIONS });
  const { watch: stays, 'restore-on-exit': restores } = values;
  if (restores && !stays) throw new OperatorError('--restore-on-exit goes with --watch only');
  const request: InstallRequest = {
    ...foldersOf(values),
    confFile: values['conf-file'],
    bandwidth: bandwidthChoice(values['replace-bandwidth'], values['beside-bandwidth']),
  };
  if (request.confFile === '' || request.confFile?.includes('/'))
    throw new OperatorError(`--conf-file names a file in ${request.confDirectory}, without a path`);
  const interpreter = values['with-node'] ? process.execPath : undefined;
  const files = readRelease(source, request.binDirectory, interpreter);
  const upgrade = (): void => {
    if (values.upgrade) upgradeAll(node, console);
  };
  if (!stays) {
    report(
      alone(request.binDirectory, () => install(realFileSystem, request, files)),
      request,
      console,
    );
    upgrade();
    return;
  }
  await watch(request, files, upgrade, console);
  if (restores)
    reportLeft(
      alone(request.binDirectory, () => uninstall(realFileSystem, request)),
      request,
      console,
    );
}

/** Absolute: the first line of a bundle with a node of its own names that by its path. */
function foldersOf(values: { readonly 'cni-bin-dir': string; readonly 'conf-dir': string }) {
  const [binDirectory, confDirectory] = [resolve(values['cni-bin-dir']), resolve(values['conf-dir'])];
  return { binDirectory, confDirectory };
}

/** Uninstalls; with `--release` the limits of running Pods go too. */
export function uninstallCommand(argv: string[], node: Node, console: Console): void {
  const { values } = parseArgs({ args: argv, options: UNINSTALL_OPTIONS });
  const place = foldersOf(values);
  reportLeft(
    alone(place.binDirectory, () => uninstall(realFileSystem, place)),
    place,
    console,
  );
  if (values.release) releaseAll(node, console);
  else {
    const kept = listRecords(node.stateDirectory, () => {}).length;
    if (kept > 0) console.out(`limits that stay until their Pods end: ${kept}; --release takes them off\n`);
  }
}

/** Takes off what is on record and what pins alone tell of. Goes on past failures and throws at its end where there were any. */
function releaseAll(node: Node, console: Console): void {
  const failures: string[] = [];
  const records = listRecords(node.stateDirectory, (error) => failures.push(describe(error)));
  const unrecorded = listPins(node.pinDirectory).filter(({ key }) => !isRecorded(node.stateDirectory, key));
  let released = 0;
  const take = (key: string, off: () => void): void => {
    try {
      withLock(key, node, off);
      released++;
    } catch (error) {
      failures.push(`${key}: ${describe(error)}`);
    }
  };
  for (const record of records)
    take(attachmentKey(record), () => {
      // Another call may have had the lock meanwhile.
      const now = readRecord(node.stateDirectory, record);
      if (now !== undefined) release(now, node);
    });
  for (const { key, labels } of unrecorded)
    take(key, () => {
      if (!isRecorded(node.stateDirectory, key)) releasePinned(key, labels, node);
    });
  console.out(`limits taken off: ${released} of ${records.length + unrecorded.length}\n`);
  if (failures.length > 0)
    throw new OperatorError(
      `take the limits off: ${failures.join('; ')}; their Pods stay limited until they end`,
    );
}

/** `once` runs when natra is in place for the first time. */
async function watch(
  request: InstallRequest,
  files: Release,
  once: () => void,
  console: Console,
): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  let first = true;
  const ensure = (): boolean => {
    const installed = alone(request.binDirectory, () => install(realFileSystem, request, files));
    const changed = installed.chainChanged || installed.executableChanged;
    if (first || changed) report(installed, request, console);
    if (first) attempt(once);
    first = false;
    return changed;
  };
  const attempt = (step: () => void): void => {
    try {
      step();
    } catch (error) {
      console.error(`natra: ${describe(error)}\n`);
    }
  };
  const onFailure = (error: unknown): void => console.error(`natra: ${describe(error)}; trying again\n`);
  await keepEnsured({ directory: request.confDirectory, ensure, onFailure }, stop.signal);
}

function bandwidthChoice(replace: boolean, beside: boolean): BandwidthChoice | undefined {
  if (replace && beside)
    throw new OperatorError('--replace-bandwidth and --beside-bandwidth exclude each other');
  return replace ? 'replace' : beside ? 'beside' : undefined;
}

function report(installed: Installed, { binDirectory }: InstallRequest, console: Console): void {
  const { path, chainChanged, executableChanged } = installed;
  console.out(`${binDirectory}/natra: ${executableChanged ? 'installed' : 'up to date'}\n`);
  console.out(`${path}: ${chainChanged ? 'natra put in' : 'natra is in it'}\n`);
}

function reportLeft(
  { left, executableRemoved }: Uninstalled,
  { binDirectory, confDirectory }: Pick<InstallRequest, 'binDirectory' | 'confDirectory'>,
  console: Console,
): void {
  for (const { path, how } of left)
    console.out(
      how === 'exact'
        ? `${path}: as it was before natra\n`
        : `${path}: natra's entry removed; others changed the file meanwhile, and their changes stay\n`,
    );
  if (left.length === 0) console.out(`${confDirectory}: natra is in no list\n`);
  console.out(`${binDirectory}/natra: ${executableRemoved ? 'removed' : 'not there'}\n`);
}
