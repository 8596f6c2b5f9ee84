import { expect, test } from 'vitest';
import { casesOf, measuredOf, nameOfCase, planOf, resultsOf, secondsOf, stillOf } from './cases.ts';
import { figuresOf } from './fixture.ts';
import { rowsOf } from './rows.ts';

const cases = casesOf(rowsOf([]), ['idle', 'none', 'natra']);
const namesOf = (limiter: string) =>
  cases.filter((each) => each.limiter === limiter).map((each) => nameOfCase(each));

test('what no limit touches is measured once for all caps, with ECN and without', () => {
  expect(namesOf('natra')).toHaveLength(100);
  expect(namesOf('none')).toHaveLength(2 * 2 * 3);
  expect(namesOf('idle').sort()).toEqual([
    'idle egress bbr',
    'idle egress cubic',
    'idle ingress bbr',
    'idle ingress cubic',
  ]);
  expect(new Set(cases.map(nameOfCase)).size).toBe(cases.length);
});

test('a row has the figures of each of its cases, however many rows they serve', () => {
  const rows = rowsOf(['ingress cubic elephant', 'ingress cubic clients', 'ingress cubic flood']);
  const measured = casesOf(rows, ['idle', 'none', 'natra']).map((each, index) => ({
    name: nameOfCase(each),
    plan: planOf(each, undefined),
    figures: figuresOf({ goodput: index }),
  }));
  const goodputs = new Set(resultsOf(rows, measured).map(({ figures }) => figures.natra?.goodput));
  expect(goodputs.size).toBe(rows.length);
  for (const { row, figures } of resultsOf(rows, measured)) {
    const idle = measured.find(({ name }) => name === 'idle ingress cubic')?.figures;
    const none = measured.find(({ name }) => name === `none ingress cubic ${row.load}`)?.figures;
    expect(figures.idle).toBe(row.load === 'clients' ? undefined : idle);
    expect(figures.none).toBe(none);
  }
  expect(resultsOf(rows, [])[0]?.figures).toEqual({});
});

test('what was measured for another time or under another load is measured anew', () => {
  const [each] = cases.filter(({ limiter }) => limiter === 'natra');
  const measured = [measuredOf(each!, undefined, figuresOf())];
  expect(stillOf(measured, cases, undefined)).toEqual(measured);
  expect(stillOf(measured, cases, 2)).toEqual([]);
  expect(stillOf([{ ...measured[0]!, plan: '{}' }], cases, undefined)).toEqual([]);
});

test('a stated time is that under a limit', () => {
  const [idle, none, natra] = ['idle', 'none', 'natra'].map((limiter) =>
    cases.find((each) => each.limiter === limiter),
  );
  expect([idle!, none!, natra!].map((each) => secondsOf(each, 10))).toEqual([5, 5, 10]);
  expect(secondsOf(natra!, undefined)).toBeGreaterThan(0);
});
