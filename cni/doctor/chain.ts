/** Whether the runtime calls natra, and with what. */
import { existsSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, type JsonObject } from '../config/json.ts';
import { describe } from '../errors.ts';
import { planChain, runtimesFile } from '../install/chain.ts';
import { namesIn, readText } from '../install/files.ts';
import type { Finding } from './finding.ts';

export interface Folders {
  readonly binDirectory: string;
  readonly confDirectory: string;
}

export interface Chain {
  readonly findings: readonly Finding[];
  /** natra's entry in a list; undefined where it is in none. */
  readonly entry: JsonObject | undefined;
}

export function chainOf({ binDirectory, confDirectory }: Folders): Chain {
  const lists = listsIn(confDirectory);
  const joined = lists.find(({ plugins }) => plugins.some(isNatra));
  const entry = joined?.plugins.find(isNatra);
  const findings = [runtimesChoice(confDirectory, joined?.name)];
  if (joined !== undefined && entry !== undefined)
    findings.push(
      capability(entry, 'bandwidth', 'missing', 'without it no limit of a Pod arrives'),
      capability(entry, ANNOTATIONS, 'absent', "without it natra.dev/... annotations don't arrive"),
      ...beside(joined),
    );
  findings.push(executable(binDirectory, entry !== undefined));
  return { findings, entry };
}

const ANNOTATIONS = 'io.kubernetes.cri.pod-annotations';

interface List {
  readonly name: string;
  readonly plugins: readonly JsonObject[];
}

const isNatra = ({ type }: JsonObject): boolean => type === 'natra';

/** The lists that can be read; what can't is the runtime's to complain of. */
function listsIn(directory: string): List[] {
  return namesIn(directory).flatMap((name) => {
    if (!name.endsWith('.conflist')) return [];
    try {
      const parsed: unknown = JSON.parse(readText(join(directory, name)) ?? '');
      const plugins = isObject(parsed) && Array.isArray(parsed.plugins) ? parsed.plugins : [];
      return [{ name, plugins: plugins.filter(isObject) }];
    } catch {
      return [];
    }
  });
}

function runtimesChoice(directory: string, joined: string | undefined): Finding {
  const subject = directory;
  let first: string;
  try {
    first = runtimesFile(directory);
  } catch (error) {
    return { subject, verdict: 'note', words: describe(error) };
  }
  if (joined === undefined) return { subject, verdict: 'note', words: wayIn(directory, first) };
  if (joined === first)
    return { subject, verdict: 'ok', words: `natra is in ${first}, which the runtime takes` };
  return { subject, verdict: 'note', words: `natra is in ${joined}; the runtime takes ${first}` };
}

/** What `natra install` would do. */
function wayIn(confDirectory: string, first: string): string {
  try {
    planChain({ confDirectory });
    return `natra is in no list: natra install puts it into ${first}`;
  } catch (error) {
    return `natra is in no list, and natra install can't put it in: ${describe(error)}`;
  }
}

function capability(entry: JsonObject, name: string, otherwise: 'missing' | 'absent', why: string): Finding {
  const { capabilities } = entry;
  const isOn = isObject(capabilities) && capabilities[name] === true;
  return {
    subject: name,
    verdict: isOn ? 'ok' : otherwise,
    words: isOn ? "among natra's capabilities" : `not among the capabilities of natra's entry: ${why}`,
  };
}

function beside({ name, plugins }: List): Finding[] {
  if (!plugins.some(({ type }) => type === 'bandwidth')) return [];
  return [{ subject: 'bandwidth', verdict: 'note', words: `it is in ${name} as well, and both limit a Pod` }];
}

function executable(directory: string, isCalled: boolean): Finding {
  const subject = join(directory, 'natra');
  if (existsSync(subject)) return { subject, verdict: 'ok', words: targetOf(subject) };
  return isCalled
    ? { subject, verdict: 'missing', words: 'the list names natra, and it is not there: natra install' }
    : { subject, verdict: 'note', words: 'not installed' };
}

function targetOf(path: string): string {
  try {
    return `leads to ${readlinkSync(path)}`;
  } catch {
    return 'a file, not put there by natra install';
  }
}
