/** One row of `npm run bench -- live --kernel`. */
import { expect, test } from 'vitest';
import { casesOf, type Measured, resultsOf } from '../../bench/live/cases.ts';
import { measureInVms } from '../../bench/live/in-vm.ts';
import { rowsOf } from '../../bench/live/rows.ts';
import { missingForVm } from './vm.ts';

const SECONDS = 4;
/** Of the host's time, beside other work. */
const LIMIT_SECONDS = 600;

test(
  'in a VM with fq, marks alone hold a sender to its cap towards the Pod, and mice don’t wait as behind bandwidth',
  async ({ skip }) => {
    const missing = missingForVm();
    if (missing !== undefined && !process.env.CI) skip(missing);
    const rows = rowsOf(['100M ingress cubic ecn elephant']);
    const cases = casesOf(rows, ['bandwidth', 'natra']);
    const measured: Measured[] = [];
    const failures: string[] = [];
    await measureInVms(
      '6.12',
      { cases, seconds: SECONDS },
      {
        seconds: LIMIT_SECONDS,
        machines: 1,
        onMeasured: (one) => measured.push(one),
        onFailure: (reason) => failures.push(reason),
      },
    );
    expect(failures).toEqual([]);
    const [result] = resultsOf(rows, measured);
    const { bandwidth, natra } = result?.figures ?? {};
    expect(natra?.shareOfCap).toBeGreaterThan(0.97);
    expect(natra?.shareOfCap).toBeLessThan(1.005);
    expect(natra?.retransmitted).toBe(0);
    expect(natra?.congestionMarked).toBeGreaterThan(0);
    expect(natra?.fullestSecond).toBeLessThanOrEqual(natra?.allowedSecond ?? 0);
    expect(natra?.mice.p99).toBeLessThan(0.05);
    expect(bandwidth?.mice.p50).toBeGreaterThan(0.015);
  },
  LIMIT_SECONDS * 1000,
);
