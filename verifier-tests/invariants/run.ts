/** Sends a scenario through the program, in the VM, on the kernel or in the reference interpreter. */
import type { Direction } from '../../cni/config/bandwidth.ts';
import { exclusionKey, exclusionsOf } from '../../cni/dataplane/exclusions.ts';
import { dataplaneSettings, type Limit } from '../../cni/settings.ts';
import { compile, formatDiagnostic } from '../../dsl/compiler/index.ts';
import { encodeStruct } from '../../loader/object/values.ts';
import { inKernel } from '../differential/in-kernel.ts';
import { interpreted, virtual } from '../differential/models.ts';
import type { Contents, Execution, Outcome, Step } from '../differential/world.ts';
import { departureOf, MARK, neglected, type Passed, PRIORITY, passes, wrongWithPacket } from './judge.ts';
import { type Packet, type Scenario, SEGMENT_BYTES } from './traffic.ts';

const PROGRAM = 'limit';
const SETTINGS = '.rodata';

export type Place = 'vm' | 'kernel' | 'interpreter';

export interface Result {
  readonly passed: readonly Passed[];
  readonly outcomes: readonly Outcome[];
  /** The first broken promise about a single packet. */
  readonly wrong: string | undefined;
}

const { object, tree, diagnostics } = compile(`programs/${PROGRAM}.ts`, { seams: 'memory' });
if (object === undefined || tree === undefined)
  throw new Error(diagnostics.map((each) => formatDiagnostic(each, new Map())).join('\n'));
const [image, module] = [object, tree];
const layout = image.sections.find(({ name }) => name === SETTINGS)?.variables[0]?.layout;

function contentsOf(limit: Limit, seed: bigint, direction: Direction): Contents {
  if (layout === undefined) throw new Error(`programs/${PROGRAM}.ts has no settings`);
  return new Map([[SETTINGS, encodeStruct(layout, { ...dataplaneSettings(limit, direction), seed })]]);
}

export function stepOf(packet: Packet): Step {
  const { bytes, segments, now, ticks, random } = packet;
  const fields = {
    mark: MARK,
    priority: PRIORITY,
    gsoSegs: segments,
    gsoSize: segments === 0 ? 0 : SEGMENT_BYTES,
  };
  return { program: PROGRAM, packet: bytes, fields, now, coarse: now, ticks, random };
}

/** The program under that limit, with the subnets that it excludes. */
export function executionOf(
  limit: Limit,
  seed: bigint,
  place: Place,
  direction: Direction = 'egress',
): Execution {
  const execution = executionIn(place, contentsOf(limit, seed, direction));
  for (const [subnet, excluded] of exclusionsOf(limit))
    execution.put({
      map: 'exclusions',
      key: exclusionKey(subnet),
      value: Uint8Array.of(excluded ? 1 : 0, 0, 0, 0),
    });
  return execution;
}

function executionIn(place: Place, contents: Contents): Execution {
  switch (place) {
    case 'vm':
      return virtual(image, contents);
    case 'kernel':
      return inKernel(image, contents);
    case 'interpreter':
      return interpreted(module, image, contents);
  }
}

export function run(scenario: Scenario, place: Place): Result {
  const { limit, seed, packets } = scenario;
  const execution = executionOf(limit, seed, place);
  try {
    const outcomes = packets.map((packet) => execution.run(stepOf(packet)));
    const both = packets.flatMap((packet, index) => {
      const outcome = outcomes[index];
      return outcome === undefined ? [] : [{ packet, outcome }];
    });
    const wrong = both
      .map(({ packet, outcome }) => wrongWithPacket(scenario, packet, outcome))
      .find((words) => words !== undefined);
    const passed = both
      .filter(({ outcome }) => passes(outcome))
      .map(({ packet, outcome }) => ({ packet, departure: departureOf(packet, outcome) }));
    return { passed, outcomes, wrong: wrong ?? neglected(scenario, both) };
  } finally {
    execution.close();
  }
}
