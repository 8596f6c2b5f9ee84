/** What this process may do, which is what a natra called by the runtime may where the runtime runs as it does. */
import { readFileSync } from 'node:fs';
import type { Finding } from './finding.ts';

/** capabilities(7). CAP_BPF and CAP_PERFMON are part of CAP_SYS_ADMIN. */
const NEEDED = [
  ['CAP_NET_ADMIN', 12, 'qdiscs, filters and the programs of a device'],
  ['CAP_SYS_ADMIN', 21, "a Pod's network namespace, and bpf(2)"],
] as const;
/** user_namespaces(7): the namespace that the kernel started with maps all ids to themselves. */
const ALL_IDS = /^\s*0\s+0\s+4294967295\s*$/;

export function rightsFindings(): Finding[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const capabilities = NEEDED.map(([subject, bit, use]): Finding => {
    const isThere = (effective & (1n << BigInt(bit))) !== 0n;
    return { subject, verdict: isThere ? 'ok' : 'missing', words: isThere ? use : `${use}: run as root` };
  });
  return [...capabilities, userNamespace(), lockedMemory()];
}

function userNamespace(): Finding {
  const subject = 'user namespace';
  if (ALL_IDS.test(readFileSync('/proc/self/uid_map', 'utf8')))
    return { subject, verdict: 'ok', words: "the kernel's own" };
  return {
    subject,
    verdict: 'missing',
    words: 'one of a container: its capabilities do not count for bpf(2)',
  };
}

/** Kernels before 5.11 charge maps and programs to it; natra raises it by itself where it runs out. */
function lockedMemory(): Finding {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const [, soft = '?', hard = '?'] = /^Max locked memory\s+(\S+)\s+(\S+)/m.exec(limits) ?? [];
  return {
    subject: 'locked memory',
    verdict: 'ok',
    words: `${soft}, at most ${hard}; counts before linux 5.11 alone, and natra raises it`,
  };
}
