import { expect, test } from 'vitest';
import { boundsIn, exceeded, kernelsDocument } from './document.ts';
import { kernelRow } from './matrix.ts';
import type { ProgramFigures, Report } from './report.ts';
import type { KernelRun } from './run.ts';

const figures = (processedInstructions: number): ProgramFigures => ({
  program: 'egress',
  class: 'edt, no VLAN',
  processedInstructions,
  totalStates: 20,
  peakStates: 10,
  maxStatesPerInstruction: 2,
  stackBytes: [64],
  translatedBytes: 800,
  jitedBytes: 500,
});

const run = (processedInstructions: number, kernel = '6.1'): KernelRun => {
  const report: Report = {
    release: '6.1.0-test',
    features: { clsact: true },
    programs: [figures(processedInstructions)],
    traffic: [],
    soak: [],
    checks: [],
    complete: true,
  };
  return { row: kernelRow(kernel), report, seconds: 60 };
};

test('the bounds are read back from the document', () => {
  expect(boundsIn(kernelsDocument([run(50_000)]))).toEqual([
    { kernel: '6.1', program: 'egress', class: 'edt, no VLAN', processedInstructions: 50_000 },
  ]);
});

test('growth by more than a tenth is named, less is not', () => {
  const bounds = boundsIn(kernelsDocument([run(50_000)]));
  expect(exceeded(run(55_000), bounds)).toEqual([]);
  expect(exceeded(run(55_001), bounds)).toEqual([expect.stringContaining('egress for edt, no VLAN')]);
});

test('one figure for both directions bounds each of them', () => {
  const both = run(50_000);
  const programs = both.report!.programs.map((each) => ({ ...each, program: 'both' as const }));
  const bounds = boundsIn(kernelsDocument([{ ...both, report: { ...both.report!, programs } }]));
  expect(exceeded(run(55_001), bounds)).toHaveLength(1);
});

test('a document without the table says how to make it', () => {
  expect(() => boundsIn('# natra')).toThrow('npm run kernels -- --write');
});

test('kernels that did not run keep their rows, in the order of the matrix', () => {
  const document = kernelsDocument([run(50_000), run(70_000, '6.12')]);
  const bounds = boundsIn(kernelsDocument([run(60_000), run(10_000, '5.10')], document));
  expect(bounds.map(({ kernel, processedInstructions }) => [kernel, processedInstructions])).toEqual([
    ['5.10', 10_000],
    ['6.1', 60_000],
    ['6.12', 70_000],
  ]);
});

test('a soak adds its table and leaves the others', () => {
  const { row, report, seconds } = run(50_000);
  const counts = { programs: 3 };
  const samples = [0, 1, 2].map((index) => ({ seconds: 60 * index, pods: 10 * index, counts }));
  const soaked: KernelRun = { row, seconds, report: { ...report!, programs: [], soak: samples } };
  const document = kernelsDocument([soaked], kernelsDocument([run(50_000)]));
  expect(boundsIn(document)).toHaveLength(1);
  expect(document).toMatch(/\| 6\.1 +\| programs +\| 0, 10, 20 +\| 3 /);
});
