/** STATUS (CNI 1.1): whether an ADD with limits could be served now. kubelet asks every few seconds. */
import { accessSync, constants } from 'node:fs';
import { createMap, ensureBpffs } from '../../loader/index.ts';
import { CniError, describe, ERROR_CODES } from '../errors.ts';
import type { Node } from '../node.ts';
import { makeStateDirectory } from '../state/directory.ts';

/** Throws code 50 with what is missing. */
export function status(node: Node): void {
  able('bpf is not available', () =>
    createMap({
      name: 'natra_status',
      kind: 'array',
      keySize: 4,
      valueSize: 4,
      maxEntries: 1,
      flags: 0,
    }).close(),
  );
  able('the programs are not available', () => {
    node.objectFile('5.12');
    node.prepared?.('5.12');
  });
  able('no bpf file system', () => ensureBpffs());
  able('the state directory is not writable', () => {
    makeStateDirectory(node.stateDirectory);
    accessSync(node.stateDirectory, constants.W_OK);
  });
}

function able(otherwise: string, attempt: () => void): void {
  try {
    attempt();
  } catch (error) {
    throw new CniError(ERROR_CODES.notAvailable, otherwise, describe(error));
  }
}
