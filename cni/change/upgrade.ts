/** `natra upgrade`: gives the running Pods the programs of this release. */
import { parseArgs } from 'node:util';
import type { Console } from '../console.ts';
import { describe, OperatorError } from '../errors.ts';
import type { Node } from '../node.ts';
import { printable } from '../printable.ts';
import { attachmentKey } from '../state/key.ts';
import { type AttachmentRecord, listRecords } from '../state/records.ts';
import { type Change, change } from './change.ts';

export function upgradeCommand(argv: string[], node: Node, console: Console): void {
  parseArgs({ args: argv, options: {} });
  upgradeAll(node, console);
}

/** Goes on past failures and throws at its end where there were any: their Pods stay limited as they were. */
export function upgradeAll(node: Node, console: Console): void {
  const failures: string[] = [];
  const records = listRecords(node.stateDirectory, (error) => failures.push(describe(error)));
  const changes: Change[] = [];
  for (const record of records) {
    try {
      changes.push(...change(record, (_, inForce) => inForce, node));
    } catch (error) {
      failures.push(`${printable(`${nameOf(record)} ${record.ifname}`)}: ${describe(error)}`);
    }
  }
  const upgraded = changes.filter(({ isChanged }) => isChanged).length;
  const others = changes.length - upgraded;
  console.out(`limits upgraded: ${upgraded}${others === 0 ? '' : `; of this release already: ${others}`}\n`);
  if (failures.length > 0)
    throw new OperatorError(`upgrade: ${failures.join('; ')}; what was in force before goes on there`);
}

const nameOf = ({ pod, ...record }: AttachmentRecord): string =>
  pod.name === undefined ? attachmentKey(record) : `${pod.namespace}/${pod.name}`;
