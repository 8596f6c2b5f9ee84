/** The reference interpreter and the VM as executions. */
import { SEAMS_SECTION } from '../../dsl/compiler/lower/index.ts';
import type { ModuleTree } from '../../dsl/compiler/tree/tree.ts';
import { createInterpreter, type Hooks } from '../../dsl/interpreter/index.ts';
import {
  createMap,
  isValueMap,
  type ModelMap,
  type Packet,
  Skb,
  testRunBytes,
  type ValueMap,
} from '../../dsl/machine/index.ts';
import { MapOfMaps, ProgramArray } from '../../dsl/machine/reference-maps.ts';
import { RingBuffer } from '../../dsl/machine/ring-buffer.ts';
import type { ObjectImage } from '../../dsl/object/image.ts';
import { createVm } from '../../dsl/vm/index.ts';
import { possibleCpus } from '../../loader/bpf/cpus.ts';
import { collecting } from '../coverage/collect.ts';
import {
  type Contents,
  type Execution,
  entriesOf,
  hex,
  kindIn,
  NO_FIELDS,
  type Outcome,
  type Put,
  packetOf,
  referred,
  seamsOffset,
  withContents,
  writeSeams,
} from './world.ts';

const isProgram = (value: Put['value']): value is { readonly program: string } =>
  typeof value === 'object' && 'program' in value;

const indexOf = (key: Uint8Array): number => new DataView(key.buffer, key.byteOffset).getUint32(0, true);

function outcomeOf(verdict: number, packet: Packet): Outcome {
  const { mark, priority, tstamp } = packet instanceof Skb ? packet : NO_FIELDS;
  return { verdict, packet: hex(testRunBytes(packet)), mark, priority, tstamp };
}

interface Model {
  readonly maps: ReadonlyMap<string, ModelMap>;
  readonly sections: ReadonlyMap<string, Uint8Array>;
}

function modelExecution(
  name: string,
  image: ObjectImage,
  model: Model,
  verdictOf: (program: string, packet: Packet) => number,
): Execution {
  const seams = seamsOffset(image.sections);
  const names = { maps: referred(image, 'map'), sections: referred(image, 'section') };
  return {
    name,
    put({ map: mapName, key, value }) {
      const map = model.maps.get(mapName);
      if (value instanceof Uint8Array && map !== undefined && isValueMap(map)) map.update(key, value, 0n);
      else if (map instanceof ProgramArray && isProgram(value)) map.set(indexOf(key), value.program);
      else if (map instanceof MapOfMaps && map.image.inner && value === 'innerMap')
        map.set(key, createMap(map.image.inner, possibleCpus()) as ValueMap | RingBuffer);
      else throw new Error(`put into map ${mapName}: it holds no such thing`);
    },
    run(step) {
      const section = model.sections.get(SEAMS_SECTION);
      if (seams !== undefined && section !== undefined) writeSeams(section, seams, step);
      const packet = packetOf(step, kindIn(image, step));
      return outcomeOf(verdictOf(step.program, packet), packet);
    },
    state: () => ({
      maps: Object.fromEntries(
        [...model.maps].flatMap(([map, contents]) =>
          names.maps.has(map) && isValueMap(contents)
            ? [[map, entriesOf([...contents.entries()])] as const]
            : [],
        ),
      ),
      sections: Object.fromEntries(
        [...model.sections].flatMap(([section, bytes]) =>
          names.sections.has(section) ? [[section, hex(bytes)] as const] : [],
        ),
      ),
      records: Object.fromEntries(
        [...model.maps].flatMap(([ring, contents]) =>
          names.maps.has(ring) && contents instanceof RingBuffer
            ? [[ring, contents.consume().map(hex)] as const]
            : [],
        ),
      ),
    }),
    restart(globals) {
      model.sections.get(SEAMS_SECTION)?.set(globals);
    },
    close() {},
  };
}

export function interpreted(
  module: ModuleTree,
  image: ObjectImage,
  contents: Contents,
  hooks: Hooks = collecting(module),
): Execution {
  const interpreter = createInterpreter(withContents(module, contents), {
    seams: seamsOffset(module.sections) === undefined ? 'kernel' : 'memory',
    cpus: possibleCpus(),
    hooks,
  });
  return modelExecution(
    'interpreter',
    image,
    interpreter,
    (program, packet) => interpreter.run(program, packet).verdict,
  );
}

export function virtual(image: ObjectImage, contents: Contents): Execution {
  const vm = createVm(withContents(image, contents), { cpus: possibleCpus() });
  return modelExecution('vm', image, vm, (program, packet) =>
    Number(BigInt.asUintN(32, vm.run(program, packet).r0)),
  );
}
