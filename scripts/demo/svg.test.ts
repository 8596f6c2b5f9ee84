import { describe, expect, it } from 'vitest';
import { phase, report } from './fixture.ts';
import { renderSvg } from './svg.ts';
import { element, text } from './svg-element.ts';

describe('element', () => {
  it('escapes text and attributes and rounds numbers', () => {
    expect(element('g', { id: 'a"b', x: 1.2345 }, text(0, 0, '<&>'))).toBe(
      '<g id="a&quot;b" x="1.2"><text x="0" y="0">&lt;&amp;&gt;</text></g>',
    );
  });
});

describe('renderSvg', () => {
  const svg = renderSvg(report());

  it('draws a line for each limited phase and two bars for each phase', () => {
    expect(svg.match(/<polyline/g)).toHaveLength(4);
    expect(svg.match(/fill-opacity/g)).toHaveLength(12);
  });

  it('says in its headline what the run found, the worse direction counting', () => {
    const phases = report().phases.map((each) =>
      each.limiter === 'natra' && each.direction === 'egress' ? phase('natra', 'egress', 0.004) : each,
    );
    expect(renderSvg(report({ phases }))).toContain('4.00 ms with natra, 450 ms with bandwidth');
  });

  it('keeps every coordinate finite and inside the picture, however far a figure is off the chart', () => {
    const mice = { count: 3, failed: 3, p50: Number.POSITIVE_INFINITY, p99: Number.POSITIVE_INFINITY };
    const series = [{ time: 0.1, rate: 1e12 }];
    const wild = renderSvg(report({ phases: [phase('natra', 'ingress', 1, { mice, series })] }));
    expect(wild).not.toMatch(/NaN|Infinity|undefined/);
    const height = Number(/height="(\d+)"/.exec(wild)?.[1]);
    for (const [, y] of wild.matchAll(/ y[12]?="([\d.-]+)"/g)) {
      expect(Number(y)).toBeGreaterThanOrEqual(0);
      expect(Number(y)).toBeLessThanOrEqual(height);
    }
  });

  it('has no trace of the bandwidth plugin where it is not installed', () => {
    const phases = report().phases.filter((each) => each.limiter !== 'bandwidth');
    expect(renderSvg(report({ phases }))).not.toContain('bandwidth');
  });
});
