/** What natra uses of the node it runs on, named once so that a test can give it another place. */
import type { Direction } from './config/bandwidth.ts';
import type { Variables } from './config/environment.ts';
import { type Baseline, objectFile, preparedFile } from './objects.ts';
import { type Log, openLog } from './state/log.ts';

export interface Node {
  /** Records of attachments and the log; mode 0700, on a file system that a reboot empties. */
  readonly stateDirectory: string;
  /** A directory on bpffs that holds one directory of pins an attachment. */
  readonly pinDirectory: string;
  /** The ELF object file of a direction's program. */
  readonly objectFile: (direction: Direction, baseline?: Baseline) => Uint8Array;
  /** The same object prepared for loading; absent where there is the ELF file alone. */
  readonly preparedFile?: ((direction: Direction, baseline: Baseline) => Uint8Array) | undefined;
  readonly log: Log;
}

/** The node as the environment describes it: NATRA_STATE_DIR and NATRA_PIN_DIR move natra's two directories. */
export function thisNode(variables: Variables): Node {
  const stateDirectory = variables.NATRA_STATE_DIR || '/run/natra';
  return {
    stateDirectory,
    pinDirectory: variables.NATRA_PIN_DIR || '/sys/fs/bpf/natra',
    objectFile,
    preparedFile,
    log: openLog(stateDirectory, variables.NATRA_LOG),
  };
}
