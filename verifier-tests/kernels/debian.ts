/**
 * Debian kernel packages of any suite, fetched by the machine's own apt with an isolated state: InRelease signatures
 * and package hashes are checked, the machine's sources and dpkg database stay as they are.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const SUITES = [
  'bookworm',
  'bookworm-backports',
  'trixie',
  'trixie-backports',
  'forky',
  'sid',
  'experimental',
];
const SECURITY_SUITES = ['bullseye-security', 'bookworm-security', 'trixie-security'];
/** Kernels up to 6.18 are one package; later ones are a small package that depends on the parts. */
const WHOLE_KERNEL_BYTES = 5_000_000;
const LISTS_STAY_FRESH_MS = 12 * 3600 * 1000;

export interface Apt {
  readonly run: (command: 'apt-get' | 'apt-cache', args: readonly string[], cwd?: string) => string;
}

/** The archives that this machine's own apt uses, so that no host is named here. */
function archives(): { readonly main: string; readonly security: string } {
  const listed = execFileSync('apt-get', ['indextargets', '--format', '$(SITE)', 'Created-By: Packages'], {
    encoding: 'utf8',
  });
  const sites = [...new Set(listed.split('\n'))];
  const main = sites.find((site) => /\/debian\/?$/.test(site));
  const security = sites.find((site) => /\/debian-security\/?$/.test(site));
  if (main === undefined || security === undefined)
    throw new Error(
      'fetch kernels: apt names no debian and debian-security archive; run apt-get update on a Debian machine',
    );
  return { main, security };
}

const source = (uri: string, suites: readonly string[]): string =>
  `Types: deb\nURIs: ${uri}\nSuites: ${suites.join(' ')}\nComponents: main\nArchitectures: amd64\nSigned-By: ${KEYRING}\n`;

/** An apt whose whole state lies in `folder`. */
export function isolatedApt(folder: string): Apt {
  for (const sub of ['lists/partial', 'cache/archives/partial', 'empty.d'])
    mkdirSync(path.join(folder, sub), { recursive: true });
  const inside = (name: string): string => path.join(folder, name);
  writeFileSync(inside('status'), '');
  const { main, security } = archives();
  writeFileSync(inside('kernels.sources'), `${source(main, SUITES)}\n${source(security, SECURITY_SUITES)}`);
  const settings: Readonly<Record<string, string>> = {
    'Dir::State': folder,
    'Dir::State::status': inside('status'),
    'Dir::State::Lists': inside('lists'),
    'Dir::Cache': inside('cache'),
    'Dir::Etc::sourcelist': inside('kernels.sources'),
    'Dir::Etc::sourceparts': inside('empty.d'),
    'Dir::Etc::preferencesparts': inside('empty.d'),
    'Dir::Etc::preferences': inside('none'),
    'Dir::Etc::parts': inside('empty.d'),
    'Dir::Etc::main': inside('none'),
    'Dir::Cache::srcpkgcache': '',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    'Acquire::AllowInsecureRepositories': 'false',
    // Snapshots of an archive may have passed their date; signatures and hashes are still checked.
    'Acquire::Check-Valid-Until': 'false',
    'APT::Architecture': 'amd64',
    'APT::Get::AllowUnauthenticated': 'false',
    'APT::Sandbox::User': 'root',
  };
  const config = inside('apt.conf');
  writeFileSync(
    config,
    Object.entries(settings)
      .map(([key, value]) => `${key} "${value}";\n`)
      .join(''),
  );
  return {
    run: (command, args, cwd) =>
      execFileSync(command, [...args], {
        cwd,
        encoding: 'utf8',
        env: { ...process.env, APT_CONFIG: config },
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
  };
}

function refresh(apt: Apt, folder: string): void {
  const lists = path.join(folder, 'lists');
  const fresh = readdirSync(lists).some(
    (name) =>
      name.includes('Packages') &&
      Date.now() - statSync(path.join(lists, name)).mtimeMs < LISTS_STAY_FRESH_MS,
  );
  if (!fresh) apt.run('apt-get', ['-qq', 'update']);
}

interface Package {
  readonly name: string;
  readonly version: string;
}

/** The exact-version dependencies of a package on other kernel packages. */
function kernelDependencies(apt: Apt, name: string, version: string): readonly Package[] {
  const depends = /^Depends: (.*)$/m.exec(apt.run('apt-cache', ['show', `${name}=${version}`]))?.[1] ?? '';
  return [...depends.matchAll(/(linux-(?:image|base|binary|modules)-[^ ,]+) \(= ([^)]+)\)/g)].map(
    ([, dependency = '', exact = '']) => ({
      name: dependency,
      version: exact,
    }),
  );
}

function newestKernel(apt: Apt, suite: string): Package {
  const flavour = 'linux-image-cloud-amd64';
  const row = apt
    .run('apt-cache', ['madison', flavour])
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .find((cells) => ` ${cells[2] ?? ''} `.includes(` ${suite}/main `));
  const version = row?.[1];
  const kernel =
    version === undefined
      ? undefined
      : kernelDependencies(apt, flavour, version).find((one) => one.name.startsWith('linux-image-'));
  if (kernel === undefined) throw new Error(`fetch kernel: suite ${suite} has no ${flavour}`);
  return kernel;
}

/**
 * Downloads the newest cloud kernel of `suite` into the cache.
 * @returns the folder that holds its .deb files
 */
export function fetchKernel(suite: string, cache: string): string {
  const state = path.join(cache, 'apt');
  mkdirSync(state, { recursive: true });
  const apt = isolatedApt(state);
  refresh(apt, state);
  const kernel = newestKernel(apt, suite);
  const folder = path.join(cache, kernel.name.replace('linux-image-', ''));
  mkdirSync(folder, { recursive: true });
  const size = Number(
    /^Size: (\d+)$/m.exec(apt.run('apt-cache', ['show', `${kernel.name}=${kernel.version}`]))?.[1],
  );
  const parts =
    size > WHOLE_KERNEL_BYTES
      ? [kernel]
      : kernelDependencies(apt, kernel.name, kernel.version).filter((one) =>
          /^linux-(base|binary|modules)-/.test(one.name),
        );
  for (const part of parts) {
    const there = readdirSync(folder).some(
      (name) => name.startsWith(`${part.name}_`) && name.endsWith('.deb'),
    );
    if (!there) apt.run('apt-get', ['-qq', 'download', `${part.name}=${part.version}`], folder);
  }
  if (!existsSync(folder) || readdirSync(folder).every((name) => !name.endsWith('.deb')))
    throw new Error(`fetch kernel: ${kernel.name} ${kernel.version} brought no package`);
  return folder;
}
