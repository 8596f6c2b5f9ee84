/** What the kernel has of what natra uses, each found by trying it. */
import { readFileSync } from 'node:fs';
import { FEATURES, type FeatureState, kernelInstructionSet, probe } from '../../loader/index.ts';
import { describe } from '../errors.ts';
import type { Finding } from './finding.ts';

export const probeAll = (): readonly FeatureState[] => FEATURES.map(probe);

export const has = (states: readonly FeatureState[], name: string): boolean =>
  states.some(({ feature, present }) => present && feature.name === name);

/** Two ways to attach, of which one will do. */
const WAYS = ['tcx', 'clsact'];

export function kernelFindings(states: readonly FeatureState[]): Finding[] {
  const features = states.map((state) => featureFinding(state));
  const attaches = WAYS.some((name) => has(states, name));
  const noWay: Finding[] = attaches
    ? []
    : [
        {
          subject: 'a way to attach',
          verdict: 'missing',
          words: 'neither tcx nor clsact can be used, for the reasons above',
        },
      ];
  return [...features, ...noWay, instructionSet(), ...justInTime()];
}

function featureFinding({ feature, present, refusal }: FeatureState): Finding {
  const { name, use, since, without } = feature;
  if (present) return { subject: name, verdict: 'ok', words: use };
  const words = firstLine(refusal ?? '');
  const said = /needs linux/.test(words) ? words : `${words} (linux ${since} has it)`;
  return without === undefined
    ? { subject: name, verdict: 'missing', words: `${use}: ${said}` }
    : { subject: name, verdict: 'absent', words: `${without}: ${said}` };
}

function instructionSet(): Finding {
  const subject = 'instruction set';
  try {
    const newest = kernelInstructionSet();
    // The objects of a release are compiled for v3, and those for linux 5.10 as well.
    return newest < 'v3'
      ? { subject, verdict: 'missing', words: `${newest}: the programs need v3` }
      : { subject, verdict: 'ok', words: newest };
  } catch (error) {
    return { subject, verdict: 'missing', words: describe(error) };
  }
}

/** Unreadable without rights, and absent where the kernel always compiles (CONFIG_BPF_JIT_ALWAYS_ON has it read-only). */
function justInTime(): Finding[] {
  const setting = '/proc/sys/net/core/bpf_jit_enable';
  try {
    const isOn = readFileSync(setting, 'utf8').trim() !== '0';
    const words = isOn
      ? 'programs run as machine code'
      : `programs are interpreted, several times slower: write 1 to ${setting}`;
    return [{ subject: 'jit', verdict: isOn ? 'ok' : 'absent', words }];
  } catch {
    return [];
  }
}

export const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';
