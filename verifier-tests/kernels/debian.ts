/**
 * Debian packages of any suite and architecture, fetched by the machine's own apt with an isolated state: InRelease
 * signatures and package hashes are checked, the machine's sources and dpkg database stay as they are.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Architecture, KERNELS, type KernelSource } from './matrix.ts';

const execute = promisify(execFile);

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** Where the programs of a guest's root come from. */
const ROOT_SUITE = 'trixie';
/** Kernels up to 6.18 are one package; later ones are a small package that depends on the parts. */
const WHOLE_KERNEL_BYTES = 5_000_000;
const LISTS_STAY_FRESH_MS = 12 * 3600 * 1000;
const TRIES = 3;
const PAUSE_MS = 2000;
/** apt-get prints its lists of packages; none is longer. */
const MAX_OUTPUT = 1 << 26;

/** An exact package, by the hash that the signed lists give it. */
export interface Package {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** The archives that this machine's own apt uses, so that no host is named here. */
async function archives(): Promise<{ readonly main: string; readonly security: string }> {
  const { stdout } = await execute('apt-get', [
    'indextargets',
    '--format',
    '$(SITE)',
    'Created-By: Packages',
  ]);
  const sites = [...new Set(stdout.split('\n'))];
  const main = sites.find((site) => /\/debian\/?$/.test(site));
  const security = sites.find((site) => /\/debian-security\/?$/.test(site));
  if (main === undefined || security === undefined)
    throw new Error(
      'fetch kernels: apt names no debian and debian-security archive; run apt-get update on a Debian machine',
    );
  return { main, security };
}

/** Those that the rows of the matrix name, and no more: apt reads the lists of all of them at every call. */
function suitesOf(architecture: Architecture): ReadonlySet<string> {
  const named = KERNELS.flatMap(({ source: each }) =>
    each.kind === 'debian' && each.architecture === architecture ? [each.suite] : [],
  );
  return new Set([...named, ...(architecture === 'amd64' ? [] : [ROOT_SUITE])]);
}

const source = (uri: string, suite: string, architecture: Architecture): string =>
  `Types: deb\nURIs: ${uri}\nSuites: ${suite}\nComponents: main\nArchitectures: ${architecture}\nSigned-By: ${KEYRING}\n`;

/** apt with a state of its own in one folder, for one architecture. */
export class Archive {
  readonly architecture: Architecture;
  readonly #folder: string;

  private constructor(folder: string, architecture: Architecture) {
    this.#folder = folder;
    this.architecture = architecture;
  }

  /** Asks for the lists of packages unless those there are fresh. */
  static async open(folder: string, architecture: Architecture): Promise<Archive> {
    const archive = new Archive(folder, architecture);
    await archive.#configure();
    if (!archive.#isFresh()) await archive.refresh();
    return archive;
  }

  get #config(): string {
    return path.join(this.#folder, 'apt.conf');
  }

  async #configure(): Promise<void> {
    const inside = (name: string): string => path.join(this.#folder, name);
    for (const sub of ['lists/partial', 'cache/archives/partial', 'empty.d'])
      mkdirSync(inside(sub), { recursive: true });
    writeFileSync(inside('status'), '');
    const { main, security } = await archives();
    const sources = [...suitesOf(this.architecture)].map((suite) =>
      source(suite.endsWith('-security') ? security : main, suite, this.architecture),
    );
    writeFileSync(inside('kernels.sources'), sources.join('\n'));
    const settings: Readonly<Record<string, string>> = {
      'Dir::State': this.#folder,
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
      'APT::Architecture': this.architecture,
      // A list: by its name alone it would be added to the machine's own.
      'APT::Architectures': this.architecture,
      'APT::Get::AllowUnauthenticated': 'false',
      'APT::Sandbox::User': 'root',
    };
    const lines = Object.entries(settings).map(([key, value]) =>
      key === 'APT::Architectures' ? `#clear ${key};\n${key} { "${value}"; };\n` : `${key} "${value}";\n`,
    );
    writeFileSync(this.#config, lines.join(''));
  }

  #isFresh(): boolean {
    const lists = path.join(this.#folder, 'lists');
    return readdirSync(lists).some(
      (name) =>
        name.includes('Packages') &&
        Date.now() - statSync(path.join(lists, name)).mtimeMs < LISTS_STAY_FRESH_MS,
    );
  }

  /** Fetches the lists anew. Throws apt's own words after some tries. */
  async refresh(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#run('apt-get', ['-qq', '--error-on=any', 'update']);
        return;
      } catch (error) {
        if (tries === TRIES) throw error;
        await sleep(PAUSE_MS);
      }
    }
  }

  async #run(command: 'apt-get' | 'apt-cache', args: readonly string[], cwd?: string): Promise<string> {
    try {
      const { stdout } = await execute(command, [...args], {
        cwd,
        encoding: 'utf8',
        env: { ...process.env, APT_CONFIG: this.#config },
        maxBuffer: MAX_OUTPUT,
      });
      return stdout;
    } catch (error) {
      const words = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
      throw new Error(`${command} ${args.join(' ')}: ${words.split('\n').slice(0, 3).join('; ')}`);
    }
  }

  async #describe(name: string, version: string): Promise<Package & { readonly depends: string }> {
    const text = await this.#run('apt-cache', ['show', `${name}=${version}`]);
    const field = (key: string): string => new RegExp(`^${key}: (.*)$`, 'm').exec(text)?.[1] ?? '';
    return {
      name,
      version,
      sha256: field('SHA256'),
      bytes: Number(field('Size')),
      depends: field('Depends'),
    };
  }

  /** What a package depends on by exact version, of these names. */
  async #exactDependencies(name: string, version: string, names: RegExp): Promise<Package[]> {
    const { depends } = await this.#describe(name, version);
    const exact = [...depends.matchAll(/([a-z0-9.+~-]+) (?:\S+ )?\(= ([^)]+)\)/g)].filter(([, each = '']) =>
      names.test(each),
    );
    return await Promise.all(exact.map(([, each = '', of = '']) => this.#describe(each, of)));
  }

  async #newestOfSuite(suite: string): Promise<Package> {
    const flavour = `linux-image-cloud-${this.architecture}`;
    const listed = await this.#run('apt-cache', ['madison', flavour]);
    const version = listed
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .find((cells) => ` ${cells[2] ?? ''} `.includes(` ${suite}/main `))?.[1];
    const [kernel] =
      version === undefined ? [] : await this.#exactDependencies(flavour, version, /^linux-image-/);
    if (kernel === undefined) throw new Error(`fetch kernel: suite ${suite} has no ${flavour}`);
    return kernel;
  }

  async #newestOfSeries(suite: string, series: string): Promise<Package> {
    const pattern = `^linux-image-${series.replaceAll('.', '\\.')}\\.[0-9].*-cloud-${this.architecture}$`;
    const found = await this.#run('apt-cache', ['search', '--names-only', pattern]);
    const names = found.split('\n').flatMap((line) => line.split(' ')[0] || []);
    const listed = names.length === 0 ? '' : await this.#run('apt-cache', ['madison', ...names]);
    const rows = listed
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .filter((cells) => ` ${cells[2] ?? ''} `.includes(` ${suite}/main `));
    const [newest] = rows.sort(([a = ''], [b = '']) => b.localeCompare(a, 'en', { numeric: true }));
    if (newest === undefined)
      throw new Error(`fetch kernel: suite ${suite} has no kernel ${series} for ${this.architecture}`);
    return await this.#describe(newest[0] ?? '', newest[1] ?? '');
  }

  /** The packages that hold the kernel of a row and its modules. */
  async kernelPackages({ suite, series }: KernelSource & { kind: 'debian' }): Promise<Package[]> {
    const kernel =
      series === undefined ? await this.#newestOfSuite(suite) : await this.#newestOfSeries(suite, series);
    if (kernel.bytes > WHOLE_KERNEL_BYTES) return [kernel];
    return await this.#exactDependencies(kernel.name, kernel.version, /^linux-(base|binary|modules)-/);
  }

  /** Programs with all that they depend on. */
  async packagesOf(programs: readonly string[]): Promise<Package[]> {
    const planned = await this.#run('apt-get', [
      '-qq',
      '--print-uris',
      '--no-install-recommends',
      '-o',
      `APT::Default-Release=${ROOT_SUITE}`,
      'install',
      ...programs,
    ]);
    const files = [...planned.matchAll(/^'\S+' (\S+?)_(\S+)_[a-z0-9]+\.deb /gm)];
    return await Promise.all(
      files.map(([, name = '', version = '']) => this.#describe(name, decodeURIComponent(version))),
    );
  }

  /**
   * Downloads packages into `cache`, a file a package, by its hash; those there already are checked against it.
   * @returns the files, in the order of the packages
   */
  async download(packages: readonly Package[], cache: string): Promise<string[]> {
    mkdirSync(cache, { recursive: true });
    const files: string[] = [];
    for (const each of packages) {
      const file = path.join(cache, `${each.sha256}.deb`);
      if (!existsSync(file) || sha256Of(file) !== each.sha256) await this.#downloadOne(each, file, cache);
      files.push(file);
    }
    return files;
  }

  async #downloadOne(wanted: Package, file: string, cache: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      const folder = mkdtempSync(path.join(cache, 'download-'));
      try {
        await this.#run('apt-get', ['-qq', 'download', `${wanted.name}=${wanted.version}`], folder);
        const [got] = readdirSync(folder);
        if (got === undefined) throw new Error(`download ${wanted.name}: apt-get brought no file`);
        const hash = sha256Of(path.join(folder, got));
        if (hash !== wanted.sha256)
          throw new Error(`download ${wanted.name}: its SHA-256 is ${hash}, not ${wanted.sha256}`);
        renameSync(path.join(folder, got), file);
        return;
      } catch (error) {
        if (tries === TRIES) throw error;
        await sleep(PAUSE_MS);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
  }
}

const sha256Of = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');
