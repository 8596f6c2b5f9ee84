import { defineConfig } from 'vitest/config';

/**
 * Unit and property tests run beside each other; kernel tests change namespaces and run one file at a time. The volumes
 * are random programs by the ten thousand, which change nothing on the machine but take a processor each.
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
          exclude: ['**/*.kernel.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'kernel',
          include: ['verifier-tests/**/*.test.ts', '**/*.kernel.test.ts'],
          exclude: ['node_modules/**', 'verifier-tests/volumes/**'],
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'volumes',
          include: ['verifier-tests/volumes/*.test.ts'],
          maxWorkers: 2,
        },
      },
    ],
  },
});
