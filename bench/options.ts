/** Command lines of the benchmarks. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** Ends a benchmark that was called wrongly. */
function misused(problem: string): never {
  process.stderr.write(`bench: ${problem}\n`);
  process.exit(2);
}

const COMMON = {
  '--json': 'the figures as JSON',
  '--write': 'puts what it prints into docs/performance.md as well',
};

/** The help of a benchmark with options of its own, and those that all have. */
export function helpOf(name: string, own: Readonly<Record<string, string>> = {}): string {
  const rows = Object.entries({ ...own, ...COMMON });
  const width = Math.max(...rows.map(([option]) => option.length));
  const lines = rows.map(([option, does]) => `  ${option.padEnd(width)}  ${does}\n`);
  return `npm run bench -- ${name} [options]\n\n${lines.join('')}`;
}

/** What the command line says of the options. Ends the process where it asks for help, or is wrong. */
export function optionsOf<T extends ParseArgsConfig['options']>(help: string, options: T) {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(help);
    process.exit(0);
  }
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    return misused(error instanceof Error ? error.message : String(error));
  }
}

const refused = (option: string, text: string, wanted: string): never =>
  misused(`--${option} ${text}: it must be ${wanted}`);

/** A whole number from 1 on. */
export function countOf(option: string, text: string): number {
  const value = Number(text);
  return Number.isInteger(value) && value >= 1 ? value : refused(option, text, 'a whole number from 1');
}

/** A number from 0 on. */
export function atLeast0(option: string, text: string): number {
  const value = Number(text);
  return text !== '' && value >= 0 ? value : refused(option, text, 'a number from 0 on');
}

export function positive(option: string, text: string): number {
  const value = Number(text);
  return value > 0 ? value : refused(option, text, 'a number above 0');
}
