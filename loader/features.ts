/**
 * What natra uses of the kernel, as data: since which version, and a probe that tries the thing itself, since
 * distributions backport. Probes are for after a failure and for the operator, never for the way to a Pod.
 */
import {
  ALU,
  ATOMIC,
  CLASS,
  encode,
  type Instruction,
  MODE,
  OPCODE_CALL,
  OPCODE_EXIT,
  SIZE,
} from '../dsl/object/instruction.ts';
import { ATTACH_TYPE, queryTcx } from './bpf/link.ts';
import { createMap, MAP_FLAG } from './bpf/map.ts';
import { loadProgram } from './bpf/program.ts';
import { VerifierError } from './errors.ts';
import { closeDescriptor } from './native/files.ts';
import { addBpfFilter } from './netlink/filters.ts';
import { addRootHtb } from './netlink/htb.ts';
import { addPair } from './netlink/pairs.ts';
import { addClsact, addRootFq } from './netlink/qdiscs.ts';
import { RouteSocket } from './netlink/socket.ts';
import { inNewNetns } from './netns/netns.ts';

export interface Feature {
  readonly name: string;
  /** Linux version that brought it. */
  readonly since: string;
  /** What natra does with it. */
  readonly use: string;
  /** What becomes of that where the kernel lacks it; undefined where natra can't do without. */
  readonly without: string | undefined;
  /** Throws what the kernel says where it lacks the feature. Leaves nothing behind. */
  readonly probe: () => void;
}

const LOOPBACK = 1;

const slot = (opcode: number, imm: number): Instruction => ({ opcode, dst: 0, src: 0, offset: 0, imm });

function withProgram(instructions: readonly Instruction[], use: (fd: number) => void): void {
  const fd = loadProgram({
    name: 'natra_probe',
    kind: 'classifier',
    code: encode(instructions),
    license: 'GPL',
  });
  try {
    use(fd);
  } finally {
    closeDescriptor(fd);
  }
}

const passing = [slot(CLASS.alu64 | ALU.mov, 0), slot(OPCODE_EXIT, 0)];

/** Stores zero on the stack and exchanges it by comparison. */
const comparing = [
  slot(CLASS.alu64 | ALU.mov, 0),
  { ...slot(CLASS.stx | SIZE.double | MODE.mem, 0), dst: 10, offset: -8 },
  { ...slot(CLASS.stx | SIZE.double | MODE.atomic, ATOMIC.compareExchange), dst: 10, offset: -8 },
  slot(OPCODE_EXIT, 0),
];

/**
 * Calls a helper without its arguments. A kernel that has it complains of the arguments if at all; one that
 * hasn't says that the function is unknown or invalid (kernel/bpf/verifier.c, check_helper_call).
 */
function probeHelper(id: number): void {
  try {
    withProgram([slot(OPCODE_CALL, id), ...passing], () => {});
  } catch (error) {
    if (error instanceof VerifierError && !/unknown func|invalid func/.test(error.log)) return;
    throw error;
  }
}

const onLoopback = (body: (socket: RouteSocket) => void): void =>
  inNewNetns(() => {
    const socket = RouteSocket.open();
    try {
      body(socket);
    } finally {
      socket.close();
    }
  });

export const FEATURES: readonly Feature[] = [
  {
    name: 'classifier programs',
    since: '4.1',
    use: 'the limiter itself',
    without: undefined,
    probe: () => withProgram(passing, () => {}),
  },
  {
    name: 'frozen read-only maps',
    since: '5.2',
    use: 'settings that the verifier takes as constants',
    without: undefined,
    probe: () => {
      const map = createMap({
        name: 'natra_probe',
        kind: 'array',
        keySize: 4,
        valueSize: 4,
        maxEntries: 1,
        flags: MAP_FLAG.rdonlyProgram,
      });
      try {
        map.freeze();
      } finally {
        map.close();
      }
    },
  },
  {
    name: 'atomics that fetch',
    since: '5.12',
    use: 'a bucket that several CPUs keep exactly',
    without: 'an idle Pod may be given its credit twice',
    probe: () => withProgram(comparing, () => {}),
  },
  {
    name: 'tcx',
    since: '6.6',
    use: 'attaching beside other programs, without a qdisc',
    without: 'programs attach by clsact',
    probe: () => {
      inNewNetns(() => queryTcx(LOOPBACK, ATTACH_TYPE.tcxIngress));
    },
  },
  {
    name: 'clsact',
    since: '4.5',
    use: 'attaching where there is no tcx',
    without: 'programs attach by tcx alone',
    probe: () =>
      onLoopback((socket) => {
        addClsact(socket, LOOPBACK);
        const place = { ifindex: LOOPBACK, direction: 'ingress', priority: 1, handle: 1 } as const;
        withProgram(passing, (fd) => addBpfFilter(socket, place, fd, 'natra_probe'));
      }),
  },
  {
    name: 'fq',
    since: '3.12',
    use: 'holding packets until their departure time',
    without: 'heavy flows wait in an htb class',
    probe: () => onLoopback((socket) => addRootFq(socket, LOOPBACK, 0x10000, {})),
  },
  {
    name: 'htb',
    since: '2.4',
    use: 'queues for heavy flows where there is no fq',
    without: 'what is over the rate is marked, then dropped',
    probe: () => onLoopback((socket) => addRootHtb(socket, LOOPBACK, 0x10000, 1)),
  },
  {
    name: 'netkit',
    since: '6.7',
    use: 'Pods whose devices are netkit pairs',
    without: 'Pods have other devices',
    probe: () => onLoopback((socket) => addPair(socket, 'netkit', 'natra0', 'natra1')),
  },
  {
    name: 'bpf_loop',
    since: '5.17',
    use: 'programs of your own with more than 1,000 rounds',
    without: 'the verifier walks each round',
    probe: () => probeHelper(181),
  },
];

export interface FeatureState {
  readonly feature: Feature;
  readonly present: boolean;
  /** What the kernel said, where the feature is missing. */
  readonly refusal: string | undefined;
}

/** Tries one feature. */
export function probe(feature: Feature): FeatureState {
  try {
    feature.probe();
    return { feature, present: true, refusal: undefined };
  } catch (error) {
    return { feature, present: false, refusal: error instanceof Error ? error.message : String(error) };
  }
}
