/** What natra uses of the node it runs on, named once so that a test can give it another place. */
import type { PreparedObject } from '../dsl/object/prepared.ts';
import type { Variables } from './config/environment.ts';
import { type Baseline, objectFile, preparedObject } from './objects.ts';
import { stateDirectoryOf } from './state/directory.ts';
import { type Log, openLog } from './state/log.ts';

export interface Node {
  /** Records of attachments and the log; mode 0700, on a file system that a reboot empties. */
  readonly stateDirectory: string;
  /** A directory on bpffs that holds one directory of pins an attachment. */
  readonly pinDirectory: string;
  /** The ELF object file, whose only program limits either direction. */
  readonly objectFile: (baseline: Baseline) => Uint8Array;
  /** The same object prepared for loading; absent where there is the ELF file alone. */
  readonly prepared?: ((baseline: Baseline) => PreparedObject) | undefined;
  readonly log: Log;
}

/** The node as the environment describes it: NATRA_STATE_DIR and NATRA_PIN_DIR move natra's two directories. */
export function thisNode(variables: Variables): Node {
  const stateDirectory = stateDirectoryOf(variables);
  return {
    stateDirectory,
    pinDirectory: variables.NATRA_PIN_DIR || '/sys/fs/bpf/natra',
    objectFile,
    prepared: preparedObject,
    log: openLog(stateDirectory, variables.NATRA_LOG),
  };
}
