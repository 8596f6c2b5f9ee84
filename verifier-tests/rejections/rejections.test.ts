/**
 * Programs that our compiler is told not to prove, and that the kernel's verifier refuses: what comes back is the line,
 * the path, the variables and the mend, each in a golden file beside the program.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { compile } from '../../dsl/compiler/index.ts';
import { loadProgram, VerifierError } from '../../loader/index.ts';
import { type Explanation, formatExplanation } from '../../loader/verifier/explain.ts';

const FOLDER = path.join(import.meta.dirname, 'programs');
const programs = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -3));

function refusalOf(name: string): VerifierError {
  const { object, diagnostics } = compile(`${name}.ts`, { root: FOLDER, unproven: true });
  expect(diagnostics).toEqual([]);
  const program = object!.programs[0]!;
  try {
    loadProgram(object!, program.name).close();
  } catch (error) {
    if (error instanceof VerifierError) return error;
    throw error;
  }
  throw new Error(`${name}: the kernel accepts it`);
}

/** Kernels differ in their words, in the registers they print, and in how many rounds they walk before they refuse. */
function normalised(explanation: Explanation): string {
  return `${formatExplanation({ ...explanation, message: 'MESSAGE' })}\n`
    .replaceAll(/\br\d\b/g, 'rN')
    .replaceAll(/the packet \+ \d+/g, 'the packet + KNOWN')
    .replaceAll(/\d+ rounds of/g, 'N rounds of')
    .replaceAll(/\(the log begins here\)\n {4}/g, '')
    .replaceAll(/(i(?: \(rN\))?|total(?: \(rN\))?): .*/g, '$1: KNOWN');
}

describe('a program that the verifier refuses', () => {
  it('there are at least ten', () => expect(programs.length).toBeGreaterThanOrEqual(10));

  it.each(programs)('%s is explained on its lines', async (name) => {
    const { explanation, message } = refusalOf(name);
    expect(explanation!.message).toMatch(/\w/);
    expect(message).toContain(explanation!.message);
    await expect(normalised(explanation!)).toMatchFileSnapshot(path.join(FOLDER, `${name}.txt`));
  });

  it.each(programs)('%s is refused or warned of by the compiler itself where it may prove', (name) => {
    const { diagnostics } = compile(`${name}.ts`, { root: FOLDER });
    // Ends that only the walk over all rounds shows are the verifier's to find.
    const leftToTheVerifier = ['endless-loop', 'too-many-branches', 'too-long'].includes(name);
    expect(diagnostics.length > 0).toBe(!leftToTheVerifier);
  });
});
