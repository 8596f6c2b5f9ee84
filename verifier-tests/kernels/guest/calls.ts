/** kubelet's captured calls for a Pod that exists here. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { CniResult } from '../../../bench/live/cni.ts';
import type { JsonObject } from '../../../cni/config/json.ts';
import type { CapturedCall } from '../../../cni/testing/calls.ts';
import { FIXTURES } from '../report.ts';

const FIXTURE = {
  ADD: 'kubelet1.36-ctrd2.2-cni1.1-ADD',
  CHECK: 'kubelet1.36-ctrd2.2-cni1.1-ADD',
  DEL: 'kubelet1.36-ctrd2.2-cni1.1-DEL-with-netns',
  GC: 'cnitool1.3-cni1.1-GC',
} as const;
/** What runtimes send for a burst that nobody asked for, bits. */
const NO_BURST = 4294967295;

export interface CalledPod {
  readonly netnsPath: string;
  readonly result: CniResult;
  /** The captured one by default. */
  readonly containerId?: string;
  readonly rateBitsPerSecond: number;
}

export interface Call {
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: JsonObject;
}

function captured(share: string, verb: keyof typeof FIXTURE): CapturedCall {
  return JSON.parse(
    readFileSync(path.join(share, FIXTURES, `${FIXTURE[verb]}.json`), 'utf8'),
  ) as CapturedCall;
}

/** The verb for a Pod that is to be limited alike in both directions. `options`: natra's own environment variables. */
export function podCall(
  share: string,
  verb: 'ADD' | 'CHECK' | 'DEL',
  pod: CalledPod,
  options: Readonly<Record<string, string>> = {},
): Call {
  const { env, stdin } = captured(share, verb);
  const rate = pod.rateBitsPerSecond;
  const bandwidth = { IngressRate: rate, IngressBurst: NO_BURST, EgressRate: rate, EgressBurst: NO_BURST };
  return {
    env: {
      ...env,
      ...(pod.containerId !== undefined && { CNI_CONTAINERID: pod.containerId }),
      ...options,
      CNI_COMMAND: verb,
      CNI_NETNS: pod.netnsPath,
      NATRA_FAILURE_POLICY: 'closed',
    },
    stdin: { ...stdin, prevResult: pod.result, runtimeConfig: { bandwidth } },
  };
}

/** A runtime's clean-up after it knows of no Pod any more. */
export function gcCall(share: string): Call {
  const { env, stdin } = captured(share, 'GC');
  const { name } = captured(share, 'ADD').stdin;
  return { env, stdin: { ...stdin, name, 'cni.dev/valid-attachments': [] } };
}
