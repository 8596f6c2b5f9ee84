/** Where natra keeps its files and pins. */
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { BPFFS } from '../../loader/index.ts';
import { describe } from '../errors.ts';
import type { Node } from '../node.ts';
import { type AttachmentRecord, listRecords } from '../state/records.ts';
import type { Finding } from './finding.ts';

/** BPF_FS_MAGIC, include/uapi/linux/magic.h. */
const BPF_FS_MAGIC = 0xcafe4a11;

export const placeFindings = (node: Node): Finding[] => [
  bpfFileSystem(),
  stateDirectory(node),
  programs(node),
];

function bpfFileSystem(): Finding {
  const subject = BPFFS;
  try {
    if (statfsSync(BPFFS).type === BPF_FS_MAGIC)
      return { subject, verdict: 'ok', words: 'a bpf file system' };
    return { subject, verdict: 'absent', words: 'no bpf file system yet: the first ADD mounts one' };
  } catch {
    return {
      subject,
      verdict: 'missing',
      words: 'not there: mount sysfs, and a kernel with CONFIG_BPF_SYSCALL',
    };
  }
}

function stateDirectory({ stateDirectory }: Node): Finding {
  const subject = stateDirectory;
  const there = existsSync(stateDirectory) ? stateDirectory : dirname(stateDirectory);
  try {
    accessSync(there, constants.W_OK);
  } catch (error) {
    return { subject, verdict: 'missing', words: `records can't be written: ${describe(error)}` };
  }
  const unread: string[] = [];
  let records: AttachmentRecord[];
  try {
    records = listRecords(stateDirectory, (error) => unread.push(describe(error)));
  } catch (error) {
    return { subject, verdict: 'missing', words: `records can't be read: ${describe(error)}` };
  }
  if (unread.length > 0) return { subject, verdict: 'note', words: unread.join('; ') };
  return { subject, verdict: 'ok', words: `interfaces on record: ${records.length}` };
}

function programs(node: Node): Finding {
  const subject = 'programs';
  try {
    for (const baseline of ['5.12', '5.10'] as const) {
      node.objectFile(baseline);
      node.prepared?.(baseline);
    }
    return { subject, verdict: 'ok', words: 'beside natra' };
  } catch (error) {
    return { subject, verdict: 'missing', words: describe(error) };
  }
}
