/**
 * The short way to a good answer to STATUS, which kubelet asks every few seconds: signs that files show, without the
 * loader. Where one is missing, the whole STATUS (status.ts) finds out and says what is wrong.
 */
import { accessSync, constants, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { requireVariables, type Variables } from '../config/environment.ts';
import { parseNetworkConfiguration } from '../config/network.ts';
import { parseRequest } from '../config/request.ts';
import type { Node } from '../node.ts';
import { requireVersion } from '../versions.ts';

const BPFFS = '/sys/fs/bpf';
/** BPF_FS_MAGIC, include/uapi/linux/magic.h. */
const BPF_FS_MAGIC = 0xcafe4a11;
/** CAP_NET_ADMIN, CAP_SYS_ADMIN: what bpf(2), tc and setns ask of ADD. */
const CAPABILITIES = (1n << 12n) | (1n << 21n);
/** user_namespaces(7): the namespace that the kernel started with maps all ids to themselves. */
const ALL_IDS = /^\s*0\s+0\s+4294967295\s*$/;

/** What ADD reads beside the executable. */
const PARTS = ['natra-verbs.cjs', 'koffi.node', 'limit.o', 'limit.prepared'];

/** Whether an ADD with limits can be expected to work; `directory` is the one of the executable's parts. */
export function isReady(
  variables: Variables,
  stdin: string,
  { stateDirectory }: Pick<Node, 'stateDirectory'>,
  directory: string,
): boolean {
  try {
    requireVariables('STATUS', variables);
    const { cniVersion, object } = parseNetworkConfiguration(stdin);
    requireVersion('STATUS', cniVersion, '1.1.0');
    parseRequest(object, variables);
    if (statfsSync(BPFFS).type !== BPF_FS_MAGIC || !mayLoadPrograms()) return false;
    // The slash has the kernel refuse what is no directory.
    accessSync(`${stateDirectory}/`, constants.W_OK);
    for (const part of PARTS) accessSync(join(directory, part), constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function mayLoadPrograms(): boolean {
  if (!ALL_IDS.test(readFileSync('/proc/self/uid_map', 'utf8'))) return false;
  const [, effective = '0'] =
    /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return (BigInt(`0x${effective}`) & CAPABILITIES) === CAPABILITIES;
}
