import { expect, test } from 'vitest';
import { kernelRow } from './matrix.ts';
import type { ProgramFigures, Report } from './report.ts';
import type { KernelRun } from './run.ts';
import { boundsIn, exceeded, kernelsDocument } from './table.ts';

const figures = (processedInstructions: number): ProgramFigures => ({
  program: 'egress',
  pacing: 'edt',
  processedInstructions,
  totalStates: 20,
  peakStates: 10,
  maxStatesPerInstruction: 2,
  stackBytes: [64],
  translatedBytes: 800,
  jitedBytes: 500,
});

const run = (processedInstructions: number): KernelRun => {
  const report: Report = {
    release: '6.1.0-test',
    features: { clsact: true },
    programs: [figures(processedInstructions)],
    traffic: [],
    checks: [],
    complete: true,
  };
  return { row: kernelRow('6.1'), report, seconds: 60 };
};

test('the bounds are read back from the document', () => {
  expect(boundsIn(kernelsDocument([run(50_000)]))).toEqual([
    { kernel: '6.1', program: 'egress', pacing: 'edt', processedInstructions: 50_000 },
  ]);
});

test('growth by more than a tenth is named, less is not', () => {
  const bounds = boundsIn(kernelsDocument([run(50_000)]));
  expect(exceeded(run(55_000), bounds)).toEqual([]);
  expect(exceeded(run(55_001), bounds)).toEqual([expect.stringContaining('egress with edt')]);
});

test('a document without the table says how to make it', () => {
  expect(() => boundsIn('# natra')).toThrow('npm run kernels -- --write');
});
