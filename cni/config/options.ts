/**
 * Where and how natra attaches and what its programs parse, from the plugin's configuration (`attachMode`,
 * `attachSide`, `edtPacing`, `vlanTags`, `ipFamilies`, `failurePolicy`) and the environment (`NATRA_ATTACH_MODE`,
 * `NATRA_ATTACH_SIDE`, `NATRA_EDT_PACING`, `NATRA_VLAN_TAGS`, `NATRA_IP_FAMILIES`, `NATRA_FAILURE_POLICY`). The environment wins: it is the way to change one node without touching the cluster's
 * configuration.
 */
import { CniError, ERROR_CODES, type ErrorCode } from '../errors.ts';
import { namesLimit } from './bandwidth.ts';
import type { Variables } from './environment.ts';
import type { JsonObject } from './json.ts';
import { shown, shownName } from './shown.ts';

const CHOICES = {
  /** The kernel's attachment mechanism: tcx needs Linux 6.6. */
  attachMode: ['auto', 'tcx', 'clsact'],
  /** The end of the Pod's veth pair. */
  attachSide: ['auto', 'host', 'pod'],
  /** Whether packets over the rate wait in an fq qdisc for their departure time. */
  edtPacing: ['auto', 'on', 'off'],
  /** Whether flows behind VLAN tags are told apart. */
  vlanTags: ['on', 'off'],
  /** The versions of IP whose flows are told apart. */
  ipFamilies: ['dual', 'ipv4'],
  /** What a failure of the dataplane does to the Pod: `open` starts it without its limits, `closed` does not. */
  failurePolicy: ['open', 'closed'],
} as const;

/** What the specification and its conventions have in an entry, whether natra reads it or not. */
const SPECIFIED = 'cniVersion name type capabilities args ipMasq ipam dns runtimeConfig prevResult'.split(
  ' ',
);
/** What decides on the options of Pods (pod-options.ts), and the subnets of `bandwidth`. */
const OF_PODS = ['defaults', 'namespaces', 'podOptions', 'bounds', 'unshapedSubnets', 'shapedSubnets'];

/** Says of what an operator may have mistyped that it has no effect; that is no error, since the specification lets others add keys. */
export function unknownOptions(configuration: JsonObject): string[] {
  return Object.keys(configuration)
    .filter((key) => !(key in CHOICES || SPECIFIED.includes(key) || OF_PODS.includes(key) || namesLimit(key)))
    .filter((key) => !key.startsWith('cni.dev/'))
    .map((key) => `${shownName(key)} of the configuration is ignored: natra has no such option`);
}

export type AttachMode = (typeof CHOICES.attachMode)[number];
export type AttachSide = (typeof CHOICES.attachSide)[number];
export type EdtPacing = (typeof CHOICES.edtPacing)[number];
export type VlanTags = (typeof CHOICES.vlanTags)[number];
export type IpFamilies = (typeof CHOICES.ipFamilies)[number];
export type FailurePolicy = (typeof CHOICES.failurePolicy)[number];

export interface Options {
  readonly attachMode: AttachMode;
  readonly attachSide: AttachSide;
  readonly edtPacing: EdtPacing;
  readonly vlanTags: VlanTags;
  readonly ipFamilies: IpFamilies;
  readonly failurePolicy: FailurePolicy;
}

/** The first of the choices holds where nothing is said. Throws code 7 for a bad value in the configuration, 4 for one in the environment. */
export function parseOptions(configuration: JsonObject, variables: Variables): Options {
  const option = <T extends string>(name: string, variable: string, choices: readonly [T, ...T[]]): T => {
    const stated = configuration[name];
    const configured =
      stated === undefined ? undefined : choose(choices, name, stated, ERROR_CODES.invalidConfiguration);
    const override = variables[variable];
    if (override) return choose(choices, variable, override, ERROR_CODES.invalidEnvironment);
    return configured ?? choices[0];
  };
  return {
    attachMode: option('attachMode', 'NATRA_ATTACH_MODE', CHOICES.attachMode),
    attachSide: option('attachSide', 'NATRA_ATTACH_SIDE', CHOICES.attachSide),
    edtPacing: option('edtPacing', 'NATRA_EDT_PACING', CHOICES.edtPacing),
    vlanTags: option('vlanTags', 'NATRA_VLAN_TAGS', CHOICES.vlanTags),
    ipFamilies: option('ipFamilies', 'NATRA_IP_FAMILIES', CHOICES.ipFamilies),
    failurePolicy: option('failurePolicy', 'NATRA_FAILURE_POLICY', CHOICES.failurePolicy),
  };
}

function choose<T extends string>(choices: readonly T[], source: string, value: unknown, code: ErrorCode): T {
  const chosen = choices.find((each) => each === value);
  if (chosen !== undefined) return chosen;
  throw new CniError(
    code,
    `invalid ${source}`,
    `${source} must be one of ${choices.join(', ')}, not ${shown(value)}`,
  );
}
