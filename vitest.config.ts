import { defineConfig } from 'vitest/config';

/** Emulated machines: they keep time by their own instructions, so that it doesn't matter what runs beside them. */
const GUESTS = ['verifier-tests/kernels/{kernels,live-row}.test.ts'];

/**
 * What measures in real time, or needs every processor at once. A machine has moments in which it stands still: these fail
 * when they fail twice.
 */
const LIVE = [
  'bench/live/*.kernel.test.ts',
  'bench/live/{flood,mice}.test.ts',
  'cni/change/*.kernel.test.ts',
  'cni/status/status.kernel.test.ts',
  'cni/verbs/{options,pod-side}.kernel.test.ts',
  'verifier-tests/dataplane/two-cpus.test.ts',
  'verifier-tests/runtimes/{containerd,static-limits}.test.ts',
];

/**
 * Unit tests, the guests and the volumes (random programs by the ten thousand) change nothing on the machine and run beside
 * each other; kernel and live tests change namespaces and run one file at a time. scripts/test.mjs says what runs beside what.
 */
export default defineConfig({
  test: {
    pool: 'forks',
    isolate: true,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    setupFiles: ['verifier-tests/coverage/setup.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{dsl,programs,loader,cni,scripts,bench}/**/*.test.ts'],
          exclude: ['**/*.kernel.test.ts', ...LIVE],
          // Each file in a process of its own would take longer to load the compiler than to test.
          isolate: false,
          maxWorkers: 2,
          // Behind the long ones, so that all processors have something to do to the end.
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'kernel',
          include: ['verifier-tests/**/*.test.ts', '**/*.kernel.test.ts'],
          exclude: ['node_modules/**', 'verifier-tests/volumes/**', ...GUESTS, ...LIVE],
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: { name: 'live', include: LIVE, fileParallelism: false, retry: 1 },
      },
      {
        extends: true,
        test: { name: 'guests', include: GUESTS, maxWorkers: 2 },
      },
      {
        extends: true,
        test: { name: 'volumes', include: ['verifier-tests/volumes/*.test.ts'], maxWorkers: 2 },
      },
    ],
  },
});
