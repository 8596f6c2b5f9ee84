import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printFunction } from '../ir/print.ts';
import { randomFunctions } from './arbitrary.ts';
import { STEPS, simplifyCfg } from './simplify-cfg.ts';
import { textAfter } from './testing.ts';

const rewritten = (body: string): string => textAfter(simplifyCfg, body);

describe('control-flow simplification', () => {
  it('turns a branch on constants into straight code without the dead side', () => {
    expect(
      rewritten(`b0:
  branch.32 ult 1, 2 -> b1, b2
b1:
  return 1
b2:
  return 2`),
    ).toBe('func @f(%0:64) {\nb0:\n  return 1\n}\n');
  });

  it('replaces a parameter that always receives the same', () => {
    const text = rewritten(`b0:
  %1:32 = load.4 context [%0]
  branch.32 eq %1, 0 -> b1, b2
b1:
  helper 5 @clock()
  jump b3(%1)
b2:
  helper 7 @random()
  jump b3(%1)
b3(%2:32):
  return %2`);
    expect(text).toContain('b3:\n  return %1');
  });

  it('bypasses empty blocks and passes their arguments on', () => {
    const text = rewritten(`b0:
  %1:32 = load.4 context [%0]
  branch.32 eq %1, 0 -> b1, b2(7)
b1:
  jump b2(5)
b2(%2:32):
  jump b3(%2)
b3(%3:32):
  return %3`);
    expect(text).toContain('branch.32 eq %1, 0 -> b2(5), b2(7)');
  });

  it('keeps an empty block whose parameter is used further on', () => {
    const text = rewritten(`b0:
  %1:32 = load.4 context [%0]
  branch.32 eq %1, 0 -> b1(1), b1(2)
b1(%2:32):
  jump b2(10)
b2(%3:32):
  %4:32 = add.32 %3, %2
  branch.32 ult %4, 100 -> b2(%4), b3
b3:
  return %2`);
    expect(text).toContain('b1(%2:32)');
  });

  it('has steps that leave their own result as it is, where it says so', () => {
    fc.assert(
      fc.property(randomFunctions, (fn) => {
        let current = fn;
        for (const { run, isThorough } of [...STEPS, ...STEPS]) {
          current = run(current);
          if (isThorough) expect(run(current)).toBe(current);
        }
      }),
    );
  });

  it('makes of what it has just made what it makes of any such function', () => {
    fc.assert(
      fc.property(randomFunctions, (fn) => {
        const made = simplifyCfg(fn);
        const again = printFunction(simplifyCfg(made));
        expect(again).toBe(printFunction(simplifyCfg({ ...made })));
      }),
    );
  });
});
