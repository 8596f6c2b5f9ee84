/** What natra is made to do: a runtime's call, or an operator's command by its words. */
import type { Node } from '../node.ts';
import { run } from '../operator.ts';
import type { Outcome } from '../plugin.ts';
import { type CapturedCall, makeInThreads } from './calls.ts';
import { ofAnotherRelease } from './objects.ts';

export type Act = CapturedCall | readonly string[];

export const isCommand = (act: Act): act is readonly string[] => Array.isArray(act);

/** What an operator gets to see. */
export interface Told {
  readonly status: number;
  readonly out: string;
  readonly error: string;
}

/** Runs an operator's command in this process. */
export async function operate(words: readonly string[], node: Node): Promise<Told> {
  const told = { out: '', error: '' };
  const status = await run(words, '', node, {
    out: (text) => {
      told.out += text;
    },
    error: (text) => {
      told.error += text;
    },
    isTerminal: false,
  });
  return { status, ...told };
}

/** Makes a call or runs a command; of a command, all that it prints counts as its stdout. */
export async function perform(act: Act, node: Node): Promise<Outcome> {
  if (!isCommand(act)) return makeInThreads(act, node);
  const { status, out, error } = await operate(act, node);
  return { stdout: out + error, exitCode: status === 0 ? 0 : 1 };
}

/**
 * The commands that change the limits of the captured calls of cnitool, by name: their words, and what the object is like
 * of the programs that they find in force.
 */
export const CHANGES: readonly (readonly [string, readonly string[], (object: Uint8Array) => Uint8Array])[] =
  [
    ['upgrade', ['upgrade'], ofAnotherRelease],
    ['set', ['set', 'cnitool', '--ingress-rate=5M', '--egress-rate=20M'], (object) => object],
  ];

/** What an upgrade says where both directions are as their record says, with programs of this release. */
export const allIsDone: Outcome = { stdout: 'limits upgraded: 0; of this release already: 2\n', exitCode: 0 };
