/** The settings that a contributor's command runs a program with: a file of values, or a limit for natra's own programs. */
import { readFileSync } from 'node:fs';
import { dataplaneSettings, type Limit, type Pacing } from '../../cni/settings.ts';
import { UsageError } from '../../dsl/cli/output.ts';
import type { SectionImage } from '../../dsl/object/image.ts';
import { type Settings, sectionContents } from '../../loader/object/sections.ts';

/** Options of the command line, each absent where it wasn't given. */
export interface SettingsOptions {
  /** A JSON file: { "variable": { "field": number, or a string of digits beyond 2^53 } }. */
  readonly settings?: string | undefined;
  /** `10M`: a limit in bits a second, for programs whose settings are those of programs/config.ts. */
  readonly rate?: string | undefined;
  readonly burst?: string | undefined;
  readonly pacing?: string | undefined;
}

/** For parseArgs. */
export const SETTINGS_OPTIONS = {
  settings: { type: 'string' },
  rate: { type: 'string' },
  burst: { type: 'string' },
  pacing: { type: 'string' },
} as const;

const SUFFIXES: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9 };
const PACINGS: readonly Pacing[] = ['edt', 'queue', 'police'];
const LEAST_RATE = 1_000;
const MOST_RATE = 1e15;

/** `20M` as 20,000,000. */
export function quantity(option: string, text: string): number {
  const [, digits, suffix = ''] = /^(\d+(?:\.\d+)?)([kMG]?)$/.exec(text) ?? [];
  if (digits === undefined)
    throw new UsageError(
      `${option} ${text}: it must be a number, with k, M or G behind it where it is large`,
    );
  return Math.round(Number(digits) * (SUFFIXES[suffix] ?? 1));
}

/** The limit that options state; undefined where there is no `--rate`. */
export function limitOf({ rate, burst, pacing = 'edt' }: SettingsOptions): Limit | undefined {
  if (rate === undefined) return undefined;
  const rateBitsPerSecond = quantity('--rate', rate);
  if (rateBitsPerSecond < LEAST_RATE || rateBitsPerSecond > MOST_RATE)
    throw new UsageError(`--rate ${rate}: it must be from 1k to 1000000G bits a second`);
  const known = PACINGS.find((each) => each === pacing);
  if (known === undefined) throw new UsageError(`--pacing ${pacing}: it must be ${PACINGS.join(', ')}`);
  const burstBits = burst === undefined ? undefined : quantity('--burst', burst);
  return { rateBitsPerSecond, burstBits, pacing: known };
}

/** Numbers beyond 2^53 stand in JSON as strings of digits. */
function revived(_key: string, value: unknown): unknown {
  return typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : value;
}

function settingsOf(options: SettingsOptions): Settings | undefined {
  const { settings: file } = options;
  const limit = limitOf(options);
  if (file !== undefined && limit !== undefined)
    throw new UsageError('--settings and --rate: give one of them');
  // The other direction differs in when early drops begin.
  if (limit !== undefined) return { config: { ...dataplaneSettings(limit, 'egress'), seed: 1n } };
  if (file === undefined) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8'), revived) as Settings;
  } catch (error) {
    throw new UsageError(`--settings ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The bytes of `.rodata` for these options; undefined where they say nothing of settings. */
export function settingsContents(
  sections: readonly SectionImage[],
  options: SettingsOptions,
): Uint8Array | undefined {
  const settings = settingsOf(options);
  if (settings === undefined) return undefined;
  const section = sections.find(({ name }) => name === '.rodata');
  if (section === undefined)
    throw new UsageError('the program has no settings: leave --settings and --rate out');
  try {
    return sectionContents(section, settings);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
