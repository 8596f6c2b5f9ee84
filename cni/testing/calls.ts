/** The captured calls of real runtimes, given a Pod that exists here. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, type JsonObject } from '../config/json.ts';
import type { Node } from '../node.ts';
import { type Outcome, runPlugin, runPluginInThreads } from '../plugin.ts';
import type { PodEnds } from './pod.ts';

export interface CapturedCall {
  readonly env: { readonly [name: string]: string };
  readonly stdin: JsonObject;
}

export function captured(name: string): CapturedCall {
  return JSON.parse(readFileSync(join(import.meta.dirname, '..', 'fixtures', `${name}.json`), 'utf8'));
}

/** The same call for another Pod: its namespace wherever the captured one was named, and its interface. */
export function forPod({ env, stdin }: CapturedCall, pod: PodEnds): CapturedCall {
  const { prevResult } = stdin;
  const interfaces =
    isObject(prevResult) && Array.isArray(prevResult.interfaces) ? prevResult.interfaces : [];
  const moved = interfaces.map((each: JsonObject) =>
    each.sandbox === undefined ? each : { ...each, name: pod.ifname, sandbox: pod.netnsPath },
  );
  return {
    env: { ...env, CNI_IFNAME: pod.ifname, CNI_NETNS: env.CNI_NETNS === '' ? '' : pod.netnsPath },
    stdin: isObject(prevResult) ? { ...stdin, prevResult: { ...prevResult, interfaces: moved } } : stdin,
  };
}

/** The same call with these keys in its configuration. */
export const withKeys = ({ env, stdin }: CapturedCall, keys: object): CapturedCall => ({
  env,
  stdin: { ...stdin, ...keys },
});

/** Makes a call in this process. */
export function make({ env, stdin }: CapturedCall, node: Node): Outcome {
  return runPlugin(env, () => JSON.stringify(stdin), node);
}

/** The same as the executable makes it. */
export function makeInThreads({ env, stdin }: CapturedCall, node: Node): Promise<Outcome> {
  return runPluginInThreads(env, () => JSON.stringify(stdin), node);
}
