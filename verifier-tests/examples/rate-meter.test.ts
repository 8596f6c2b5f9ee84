import { beforeAll, expect, test } from 'vitest';
import { expectAgreement } from '../differential/agree.ts';
import { inKernel } from '../differential/in-kernel.ts';
import { interpreted, virtual } from '../differential/models.ts';
import { type Execution, stayOnFirstCpu } from '../differential/world.ts';
import { example, ipv4, step } from './example.ts';

beforeAll(stayOnFirstCpu);

const SECOND = 1_000_000_000n;
const { object, tree } = example('rate-meter', 'memory');
const from = (source: number, length: number, now: bigint) =>
  step('meter', ipv4({ protocol: 17, source, length }), now);
const steps = [
  from(0x0a000001, 1000, SECOND),
  from(0x0a000002, 60, SECOND + 1n),
  from(0x0a000001, 1000, SECOND + SECOND / 2n),
  from(0x0a000001, 500, 2n * SECOND - 1n),
  // Two seconds after the window began.
  from(0x0a000001, 100, 3n * SECOND),
];

/** What CPU 0 knows of a source. */
function meter(execution: Execution, source: string) {
  const [first = ''] = execution.state().maps.meters?.[source] ?? [];
  const value = Buffer.from(first, 'hex');
  return {
    start: value.readBigUInt64LE(0),
    bytes: value.readBigUInt64LE(8),
    rate: value.readBigUInt64LE(16),
  };
}

test('the rate of a source is its bytes over the time that the window took', () => {
  const kernel = inKernel(object, new Map());
  try {
    for (const each of steps) expect(kernel.run(each).verdict).toBe(0xffffffff);
    expect(meter(kernel, '0a000001')).toEqual({ start: 3n * SECOND, bytes: 100n, rate: 1250n });
    expect(meter(kernel, '0a000002')).toEqual({ start: SECOND + 1n, bytes: 60n, rate: 0n });
  } finally {
    kernel.close();
  }
});

test('the interpreter, the VM and the kernel agree', () => {
  const contents = new Map();
  expectAgreement(
    [interpreted(tree, object, contents), virtual(object, contents), inKernel(object, contents)],
    steps,
  );
});
