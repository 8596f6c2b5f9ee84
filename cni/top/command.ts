/** `natra top`: limited Pods and their heaviest flows, drawn anew every few seconds. */

import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Console } from '../console.ts';
import { OperatorError } from '../errors.ts';
import type { Node } from '../node.ts';
import { statusOf } from '../status/node-status.ts';
import { withKeys } from './screen.ts';
import { ORDERS, type OrderKey, picture, type Row, rowsOf, type View } from './view.ts';

export const TOP_OPTIONS = { interval: { type: 'string', default: '2' } } as const;

const BOLD = '\x1b[1m';
const PLAIN = '\x1b[22m';
const NOBODY = 'no Pod is limited on this node';

/** Comes back when a key or a signal ends it; where the output is no terminal, after one picture. */
export async function topCommand(argv: string[], node: Node, console: Console): Promise<void> {
  const { values } = parseArgs({ args: argv, options: TOP_OPTIONS });
  const seconds = Number(values.interval);
  if (!(seconds >= 0.1 && seconds <= 3600))
    throw new OperatorError(`--interval is ${values.interval}: it must be seconds from 0.1 to 3600`);
  if (process.stdout.isTTY && process.stdin.isTTY) await live(node, seconds, console.isTerminal);
  else console.out(await once(node, seconds));
}

async function once(node: Node, seconds: number): Promise<string> {
  // Packets a second are told of two pictures.
  const before = rowsOf(await statusOf(node, 0), [], 0).map((row): Row => ({ ...row, history: [] }));
  const rows = rowsOf(await statusOf(node, seconds * 1000), before, seconds);
  if (rows.length === 0) return `${NOBODY}\n`;
  const { headings, lines } = picture(rows, { order: 'r', flows: true });
  return `${[headings, ...lines].join('\n')}\n`;
}

function live(node: Node, seconds: number, bold: boolean): Promise<void> {
  let view: View = { order: 'r', flows: true };
  let rows: readonly Row[] = [];
  let isRead = false;
  return withKeys(
    async (draw, signal) => {
      const frame = (): string[] => [
        help(view, bold),
        '',
        ...(rows.length === 0 ? [isRead ? NOBODY : 'reading ...'] : body(rows, view, bold)),
      ];
      draw(frame);
      let last = performance.now();
      while (!signal.aborted) {
        const status = await statusOf(node, seconds * 1000, signal);
        if (status.limits.length === 0) await pause(seconds * 1000, undefined, { signal });
        const now = performance.now();
        rows = rowsOf(status, rows, (now - last) / 1000);
        last = now;
        isRead = true;
        draw(frame);
      }
    },
    (key) => {
      if (key === 'f') view = { ...view, flows: !view.flows };
      else if (isOrder(key)) view = { ...view, order: key };
      return key !== 'q';
    },
  );
}

const isOrder = (key: string): key is OrderKey => Object.hasOwn(ORDERS, key);

function body(rows: readonly Row[], view: View, bold: boolean): string[] {
  const { headings, lines } = picture(rows, view);
  return [bold ? BOLD + headings + PLAIN : headings, ...lines];
}

function help({ order, flows }: View, bold: boolean): string {
  const orders = Object.entries(ORDERS).map(([key, name]) => {
    const text = `${key} ${name}`;
    return key !== order ? text : bold ? BOLD + text + PLAIN : `[${text}]`;
  });
  return `natra top   ${orders.join('   ')}   f ${flows ? 'hide' : 'show'} flows   q end`;
}
