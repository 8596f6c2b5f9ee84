/** The figures as a table or as JSON. */
import type { ManyPods } from './many-pods.ts';
import { STEPS, type Times } from './one-pod.ts';

export interface Figures {
  readonly rounds: number;
  readonly times: Times;
  /** Of natra at the end of ADD with both directions, and of an empty Node.js. */
  readonly privateKilobytes: number;
  readonly privateNodeKilobytes: number;
  readonly many: ManyPods;
}

export function print(figures: Figures, json: boolean): void {
  const { times } = figures;
  const plain = {
    ...figures,
    times: {
      ...times,
      natra: Object.fromEntries(times.natra),
      bandwidth: Object.fromEntries(times.bandwidth),
    },
  };
  process.stdout.write(json ? `${JSON.stringify(plain, null, 2)}\n` : table(figures));
}

function table({ rounds, times, privateKilobytes, privateNodeKilobytes, many }: Figures): string {
  const ms = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(1));
  const row = (name: string, ...cells: readonly string[]): string =>
    name.padEnd(24) + cells.map((cell) => cell.padStart(14)).join('');
  const verbs = STEPS.map((step) => {
    const natra = times.natra.get(step.row);
    const over = natra === undefined ? undefined : natra - times.node;
    return row(step.row, ms(natra), ms(over), ms(times.bandwidth.get(step.row)));
  });
  const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`;
  const mib = (kilobytes: number): string => `${(kilobytes / 1024).toFixed(1)} MiB`;
  const perNode = many.lastMilliseconds - many.lastNodeMilliseconds;
  const perNodeFirst = many.firstMilliseconds - many.firstNodeMilliseconds;
  return `${[
    `milliseconds from start to end of the process, medians of ${rounds} in turns; node -e 0 takes ${ms(times.node)}`,
    row('verb', 'natra', 'over node', 'bandwidth'),
    ...verbs,
    `the kernel alone, for two TCX links of an empty program: ${ms(times.kernel.attachMilliseconds)} to attach, ${ms(times.kernel.detachMilliseconds)} to detach`,
    '',
    `private memory at the end of ADD: ${mib(privateKilobytes)} (an empty node has ${mib(privateNodeKilobytes)})`,
    '',
    `${many.pods} Pods on one node, both directions limited, medians of 10`,
    row('', 'first', 'last', 'last / first'),
    row(
      'ADD',
      ms(many.firstMilliseconds),
      ms(many.lastMilliseconds),
      (many.lastMilliseconds / many.firstMilliseconds).toFixed(2),
    ),
    row('ADD over node -e 0', ms(perNodeFirst), ms(perNode), (perNode / perNodeFirst).toFixed(2)),
    `kernel memory a Pod, over one without limits: ${kib(many.chargedBytes)} charged to natra's calls; ${kib(many.machineBytes)} by /proc/meminfo`,
  ].join('\n')}\n`;
}
