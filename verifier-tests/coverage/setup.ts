/** Writes what a test file has covered when it ends. Loads nothing: most test files collect nothing. */
import { afterAll } from 'vitest';

afterAll(() => {
  const { natraCoverage } = globalThis as { natraCoverage?: () => void };
  natraCoverage?.();
});
