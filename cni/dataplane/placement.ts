/**
 * Where a direction's program can sit, best first. Seen from the Pod's veth pair there are two hooks a direction:
 *
 *              host end              Pod end
 *   egress     ingress hook          egress hook, before the Pod device's qdisc
 *   ingress    egress hook, before   ingress hook
 *              the host end's qdisc
 *
 * Departure times (fq) and classes (HTB) need a qdisc behind the hook, so both are possible at one of the two only.
 */
import type { Direction } from '../config/bandwidth.ts';
import type { Options } from '../config/options.ts';
import { CniError, ERROR_CODES } from '../errors.ts';
import { bytesPerSecondOf, type Limit } from '../limit.ts';
import { prefersClasses } from '../queue.ts';
import type { Pacing } from '../settings.ts';
import type { Side } from '../state/records.ts';

export interface Placement {
  readonly side: Side;
  /** Of the device, as seen from it. */
  readonly hook: Direction;
  readonly pacing: Pacing;
  /** Why this one, for the log and the record. */
  readonly reason: string;
}

const HOOKS: { readonly [S in Side]: { readonly [D in Direction]: Direction } } = {
  host: { egress: 'ingress', ingress: 'egress' },
  pod: { egress: 'egress', ingress: 'ingress' },
};

const PACING_SIDE: { readonly [D in Direction]: Side } = { egress: 'pod', ingress: 'host' };

/**
 * The placements to try in turn. `hasHostEnd` is false for a device without a peer on the host (SR-IOV, macvlan,
 * ipvlan). Throws code 7 where the options leave none. Classes come before departure times at low rates, and towards the Pod
 * up to higher ones: there the sender doesn't hear of a drop, and what several put under way has room in HTB only.
 */
export function placements(
  direction: Direction,
  limit: Pick<Limit, 'rateBitsPerSecond'>,
  options: Options,
  hasHostEnd: boolean,
): Placement[] {
  const sides = allowedSides(options, hasHostEnd);
  const place = (side: Side, pacing: Pacing, reason: string): Placement => ({
    side,
    hook: HOOKS[side][direction],
    pacing,
    reason,
  });
  const found: Placement[] = [];
  const pacingSide = PACING_SIDE[direction];
  const classesFirst = options.edtPacing === 'auto' && prefersClasses(bytesPerSecondOf(limit), direction);
  const classes = `an htb class on the ${pacingSide} end holds heavy flows`;
  if (options.edtPacing !== 'off' && sides.includes(pacingSide))
    found.push(place(pacingSide, 'edt', `fq on the ${pacingSide} end holds packets until their time`));
  if (options.edtPacing !== 'on' && sides.includes(pacingSide))
    found.push(
      place(
        pacingSide,
        'queue',
        classesFirst ? `${classes}, more of them than fq's queue at this rate` : classes,
      ),
    );
  if (classesFirst) found.reverse();
  if (options.edtPacing !== 'on')
    for (const side of sides) found.push(place(side, 'police', policingReason(options, hasHostEnd, side)));
  if (found.length > 0) return found;
  throw new CniError(
    ERROR_CODES.invalidConfiguration,
    'edtPacing is not possible here',
    `edtPacing "on" for ${direction} needs an fq qdisc on the ${pacingSide} end of a veth pair, which ` +
      (hasHostEnd ? `attachSide "${options.attachSide}" excludes` : 'this interface does not have'),
  );
}

function allowedSides(options: Options, hasHostEnd: boolean): readonly Side[] {
  if (options.attachSide === 'pod') return ['pod'];
  if (hasHostEnd) return options.attachSide === 'host' ? ['host'] : ['host', 'pod'];
  if (options.attachSide === 'auto') return ['pod'];
  throw new CniError(
    ERROR_CODES.invalidConfiguration,
    'attachSide is not possible here',
    'attachSide "host" needs a veth pair with its other end on the host; use "auto" or "pod"',
  );
}

function policingReason(options: Options, hasHostEnd: boolean, side: Side): string {
  const because = [
    ...(options.edtPacing === 'off' ? ['edtPacing is off'] : []),
    ...(options.attachSide === 'auto' ? [] : [`attachSide is ${options.attachSide}`]),
    ...(hasHostEnd ? [] : ['the interface has no end on the host']),
  ];
  return [`policing on the ${side} end`, ...because].join(', ');
}
