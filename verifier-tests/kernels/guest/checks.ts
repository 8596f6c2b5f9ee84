/** Collects what the guest finds; the report is on disk after every check, so that a VM that dies leaves it. */
import { writeFileSync } from 'node:fs';
import type { Check, ProgramFigures, Report, SoakSample, TrafficFigures } from '../report.ts';

export class Checks {
  readonly programs: ProgramFigures[] = [];
  readonly traffic: TrafficFigures[] = [];
  readonly soak: SoakSample[] = [];
  readonly features: Record<string, boolean> = {};
  readonly #checks: Check[] = [];
  readonly #file: string;
  readonly #release: string;

  constructor(file: string, release: string) {
    this.#file = file;
    this.#release = release;
  }

  /** Runs a check; what it throws is its failure, what it returns its details. */
  async run(name: string, body: () => string | Promise<string>): Promise<boolean> {
    let check: Check;
    try {
      check = { name, outcome: 'passed', details: await body() };
    } catch (error) {
      const details = error instanceof Error ? error.message : String(error);
      check = { name, outcome: 'failed', details };
    }
    this.#checks.push(check);
    this.write(false);
    process.stdout.write(`${check.outcome} ${name}\n`);
    return check.outcome === 'passed';
  }

  write(complete: boolean): void {
    const report: Report = {
      release: this.#release,
      features: this.features,
      programs: this.programs,
      traffic: this.traffic,
      soak: this.soak,
      checks: this.#checks,
      complete,
    };
    writeFileSync(this.#file, JSON.stringify(report, undefined, 1));
  }

  get failed(): number {
    return this.#checks.filter(({ outcome }) => outcome === 'failed').length;
  }
}

/** Throws with the words when the condition does not hold. */
export function require(condition: boolean, words: string): void {
  if (!condition) throw new Error(words);
}
