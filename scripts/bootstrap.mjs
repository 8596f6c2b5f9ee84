// What a fresh clone on a bare machine lacks, put in place with plain Node: packages from npm and from apt. Every
// step says what it does and, where it can't, what is left out and why.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const projectRoot = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const say = (words) => process.stderr.write(`natra: ${words}\n`);

/** Runs a command with its output shown; true when it exits with 0. */
function run(command, args, env = process.env) {
  return spawnSync(command, args, { cwd: projectRoot, env, stdio: ['ignore', 2, 2] }).status === 0;
}

/** The oldest Node.js that runs natra (package.json, engines): import.meta.dirname came with 20.11. */
const OLDEST_NODE = [20, 12];

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  say(`Node.js ${process.versions.node} is too old: natra needs ${OLDEST_NODE.join('.')} or later`);
  process.exit(1);
}

/** Installs node_modules by `npm ci` unless they are those of package-lock.json already. Exits when npm fails. */
export function ensureNodeModules() {
  requireNode();
  const lock = createHash('sha256')
    .update(readFileSync(path.join(projectRoot, 'package-lock.json')))
    .digest('hex');
  const stamp = path.join(projectRoot, 'node_modules', '.natra-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  say('installing npm packages (npm ci)');
  if (!run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])) {
    say('npm ci failed: natra needs the packages of package-lock.json; see its words above');
    process.exit(1);
  }
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, lock);
}

const isInstalled = (name) =>
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own format syntax
  spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' }).stdout ===
  'installed';

/**
 * Installs missing Debian packages when root on a machine with apt.
 * @param {string[]} names
 * @returns {string[]} those that are still missing
 */
export function ensureApt(names) {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return [];
  if (process.getuid?.() !== 0) {
    say(`not root, so these Debian packages stay missing: ${missing.join(' ')}`);
    return missing;
  }
  if (spawnSync('apt-get', ['--version']).error) {
    say(`no apt on this machine, so these stay missing: ${missing.join(' ')}`);
    return missing;
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = () => run('apt-get', ['install', '-qq', '-y', '--no-install-recommends', ...missing], env);
  say(`installing Debian packages: ${missing.join(' ')}`);
  if (!install()) {
    say('refreshing the package lists (apt-get update)');
    run('apt-get', ['update', '-qq'], env);
    install();
  }
  const left = missing.filter((name) => !isInstalled(name));
  if (left.length > 0) say(`could not be installed: ${left.join(' ')}`);
  return left;
}

/**
 * Whether this process may use bpf(2) here: asks the kernel for the first program id, which needs the same rights as
 * loading does. Call after ensureNodeModules.
 * @returns {{ usable: true } | { usable: false, reason: string }}
 */
export function canUseBpf() {
  if (process.platform !== 'linux')
    return { usable: false, reason: `bpf(2) is a Linux call and this is ${process.platform}` };
  if (process.getuid?.() !== 0) return { usable: false, reason: 'loading BPF programs needs root' };
  const koffi = createRequire(import.meta.url)('koffi');
  const numbers = { x64: 321, arm64: 280 };
  const number = numbers[process.arch];
  if (number === undefined)
    return { usable: false, reason: `no bpf(2) call number is known for ${process.arch}` };
  const syscall = koffi.load(null).func('long syscall(long, int, void *, uint)');
  const BPF_PROG_GET_NEXT_ID = 11;
  const ENOENT = 2;
  const attributes = Buffer.alloc(16);
  if (syscall(number, BPF_PROG_GET_NEXT_ID, attributes, attributes.length) === 0) return { usable: true };
  const errno = koffi.errno();
  if (errno === ENOENT) return { usable: true };
  const name = Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
  return {
    usable: false,
    reason: `the kernel refuses bpf(2) with ${name}: it lacks CONFIG_BPF_SYSCALL or this container lacks CAP_BPF`,
  };
}
