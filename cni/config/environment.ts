/** The CNI_* environment: which variables a verb needs and what each may hold (libcni, skel and utils). */
import { CniError, ERROR_CODES } from '../errors.ts';
import { shown } from './shown.ts';

export type Variables = { readonly [name: string]: string | undefined };

export const VERBS = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] as const;
export type Verb = (typeof VERBS)[number];

type Variable = 'CNI_CONTAINERID' | 'CNI_NETNS' | 'CNI_IFNAME' | 'CNI_PATH';

const REQUIRED: { readonly [V in Verb]: readonly Variable[] } = {
  ADD: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  CHECK: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  DEL: ['CNI_CONTAINERID', 'CNI_IFNAME', 'CNI_PATH'],
  GC: ['CNI_PATH'],
  STATUS: ['CNI_PATH'],
  VERSION: [],
};

/** One interface of one container, as ADD, DEL and CHECK name it. */
export interface Attachment {
  readonly containerId: string;
  readonly ifname: string;
  /** Path of the Pod's network namespace; empty where DEL comes after it is gone. */
  readonly netns: string;
}

/** Who the Pod is, for the record and the log; kubelet and CRI-O say so in CNI_ARGS. */
export interface PodIdentity {
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
}

const CONTAINER_ID = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** Linux, IFNAMSIZ less the terminating NUL. */
const LONGEST_IFNAME = 15;

/** The verb of this call; undefined where there is none. Throws code 4 for an unknown one. */
export function parseVerb(variables: Variables): Verb | undefined {
  const command = variables.CNI_COMMAND;
  if (command === undefined || command === '') return undefined;
  const verb = VERBS.find((each) => each === command);
  if (verb !== undefined) return verb;
  throw invalid('CNI_COMMAND', command, `must be one of ${VERBS.join(', ')}`);
}

/** Refuses a call that lacks a variable its verb needs, with code 4 and libcni's words. */
export function requireVariables(verb: Verb, variables: Variables): void {
  const missing = REQUIRED[verb].filter((name) => !variables[name]);
  if (missing.length === 0) return;
  throw new CniError(
    ERROR_CODES.invalidEnvironment,
    `required env variables [${missing.join(',')}] missing`,
    `${verb} needs ${REQUIRED[verb].join(', ')}: ${missing.join(', ')} must be set and not empty`,
  );
}

/** The attachment that the environment names. Throws code 4, naming the variable and its rule. */
export function parseAttachment(variables: Variables): Attachment {
  const containerId = variables.CNI_CONTAINERID ?? '';
  if (!CONTAINER_ID.test(containerId))
    throw invalid(
      'CNI_CONTAINERID',
      containerId,
      'must start with a letter or digit and go on with letters, digits, "_", "." or "-"',
    );
  const ifname = variables.CNI_IFNAME ?? '';
  const fault = interfaceNameFault(ifname);
  if (fault !== undefined) throw invalid('CNI_IFNAME', ifname, fault);
  const netns = variables.CNI_NETNS ?? '';
  if (netns.includes('\0')) throw invalid('CNI_NETNS', netns, 'must be a path');
  return { containerId, ifname, netns };
}

/** dev_valid_name() of net/core/dev.c. */
function interfaceNameFault(name: string): string | undefined {
  if (Buffer.byteLength(name) > LONGEST_IFNAME) return `must have at most ${LONGEST_IFNAME} bytes`;
  if (name === '' || name === '.' || name === '..') return 'must name an interface';
  if (/[/:\s\0]/.test(name)) return 'must not contain "/", ":" or blanks';
  return undefined;
}

/** Reads `K=V;K=V` in any order; pairs that are none of ours are the runtime's own business. */
export function parsePodIdentity(variables: Variables): PodIdentity {
  const identity: { namespace?: string; name?: string; uid?: string } = {};
  for (const pair of (variables.CNI_ARGS ?? '').split(';')) {
    const at = pair.indexOf('=');
    const value = pair.slice(at + 1);
    switch (pair.slice(0, Math.max(at, 0))) {
      case 'K8S_POD_NAMESPACE':
        identity.namespace = value;
        break;
      case 'K8S_POD_NAME':
        identity.name = value;
        break;
      case 'K8S_POD_UID':
        identity.uid = value;
        break;
    }
  }
  return identity;
}

function invalid(variable: string, value: string, rule: string): CniError {
  return new CniError(
    ERROR_CODES.invalidEnvironment,
    `invalid ${variable}`,
    `${variable} is ${shown(value)}: it ${rule}`,
  );
}
