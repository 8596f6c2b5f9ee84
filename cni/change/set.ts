/** `natra set`: other limits for a running Pod, by an operator's hand. */
import { parseArgs } from 'node:util';
import { DIRECTIONS, type Direction } from '../config/bandwidth.ts';
import { annotationOf, type OptionName, parseOption } from '../config/option-values.ts';
import { requireInProportion } from '../config/request.ts';
import type { Console } from '../console.ts';
import { OperatorError } from '../errors.ts';
import type { Node } from '../node.ts';
import { printable } from '../printable.ts';
import { type AttachmentRecord, listRecords, type Wish } from '../state/records.ts';
import { change } from './change.ts';

/** Every option of `natra set`. */
export const SET_OPTIONS = {
  interface: { type: 'string' },
  'ingress-rate': { type: 'string' },
  'egress-rate': { type: 'string' },
  'ingress-burst': { type: 'string' },
  'egress-burst': { type: 'string' },
} as const;

/** Options by the names that an annotation has them under, after its prefix. */
type Values = { readonly [name: string]: string | undefined };

export function setCommand(argv: string[], node: Node, console: Console): void {
  const { values, positionals } = parseArgs({ args: argv, options: SET_OPTIONS, allowPositionals: true });
  const [pod, ...others] = positionals;
  if (!pod || others.length > 0)
    throw new OperatorError('name one Pod, as NAMESPACE/NAME or by the beginning of its container id');
  const wanted = { ingress: amountsOf('ingress', values), egress: amountsOf('egress', values) };
  const asked = DIRECTIONS.filter((direction) => wanted[direction] !== undefined);
  if (asked.length === 0) throw new OperatorError('say what to change, such as --egress-rate 20M');
  const record = find(pod, values.interface, node);
  for (const direction of asked) {
    const inForce = record.directions[direction];
    if (inForce === undefined)
      throw new OperatorError(
        `${pod} has no ${direction} limit: one begins when the Pod starts with the annotation kubernetes.io/${direction}-bandwidth`,
      );
    requireInProportion(
      { ...inForce, ...wanted[direction] },
      { burst: `the ${direction} burst`, heavyThreshold: `the ${direction} limit's heavy threshold` },
    );
  }
  const changes = change(
    record,
    (direction, inForce): Wish | undefined => wanted[direction] && { ...inForce, ...wanted[direction] },
    node,
  );
  if (changes.length === 0) throw new OperatorError(`${pod} has ended`);
  const told = changes.map(
    ({ direction, isChanged }) => `${direction} ${isChanged ? 'changed' : 'is so already'}`,
  );
  console.out(`${printable(`${pod} ${record.ifname}`)}: ${told.join(', ')}\n`);
}

/** What is asked of a direction; undefined where nothing is. */
function amountsOf(direction: Direction, values: Values): Partial<Wish> | undefined {
  const amountOf = (name: OptionName & `${Direction}${'Rate' | 'Burst'}`): number | undefined => {
    const option = annotationOf(name).replace(/^.*\//, '');
    const text = values[option];
    return text === undefined ? undefined : parseOption(name, text, `--${option}`);
  };
  const rateBitsPerSecond = amountOf(`${direction}Rate`);
  const burstBits = amountOf(`${direction}Burst`);
  if (rateBitsPerSecond === undefined && burstBits === undefined) return undefined;
  return {
    ...(rateBitsPerSecond !== undefined && { rateBitsPerSecond }),
    ...(burstBits !== undefined && { burstBits }),
  };
}

function find(pod: string, ifname: string | undefined, node: Node): AttachmentRecord {
  const isMeant = ({ pod: { namespace, name }, containerId }: AttachmentRecord): boolean =>
    pod === `${namespace}/${name}` || containerId.startsWith(pod);
  const found = listRecords(node.stateDirectory, () => {}).filter(
    (record) => isMeant(record) && (ifname === undefined || record.ifname === ifname),
  );
  const [record] = found;
  if (record === undefined) {
    const where = ifname === undefined ? 'on this node' : `at an interface ${ifname} on this node`;
    throw new OperatorError(`${pod} is not limited ${where}; \`natra status\` has those that are`);
  }
  if (found.length > 1) {
    const each = found.map(({ containerId, ifname: name }) => printable(`${containerId} ${name}`)).join(', ');
    throw new OperatorError(`${pod} means several: ${each}; say more of the id, or --interface`);
  }
  return record;
}
