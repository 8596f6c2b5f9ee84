/**
 * `npm run bench -- compile [--json] [--rounds N]`: how long it takes to compile the dataplane on the command line, to
 * recompile it in `natra dev` when a file is saved, and to make it for a Pod's settings.
 */
import { countOf, helpOf, optionsOf } from '../options.ts';
import { type LoadTimes, measureAtLoad } from './at-load.ts';
import { type CommandLineTimes, measureCommandLine } from './command-line.ts';
import { measureSaves, type Saves, type SaveTimes } from './saves.ts';

interface Figures {
  readonly rounds: number;
  readonly commandLine: CommandLineTimes;
  readonly atLoad: LoadTimes;
  readonly saves: Saves;
}

const HELP = helpOf('compile', { '--rounds N': 'how often each command is timed' });

/** ms */
const TARGETS = { compile: 1_500, save: 150, load: 5 } as const;

const row = (name: string, ...cells: readonly string[]): string =>
  name.padEnd(52) + cells.map((cell) => cell.padStart(16)).join('');

const ms = (value: number, digits = 0): string => `${value.toFixed(digits)} ms`;
const times = (value: number): string => `${value.toFixed(2)} times`;
const verdict = (value: number, target: number): string =>
  `${value < target ? 'within' : 'over'} ${ms(target)}`;

function rowsOfSaves(what: string, saves: SaveTimes): readonly string[] {
  const [slowest] = Object.entries(saves.byFile).toSorted(([, a], [, b]) => b - a);
  return [
    row(what, ms(saves.median), verdict(saves.median, TARGETS.save)),
    row(`  the slowest, ${slowest?.[0]}`, ms(saves.slowest), verdict(saves.slowest, TARGETS.save)),
    row('  of which compiling, median', ms(saves.compiling)),
  ];
}

function table({ rounds, commandLine, atLoad, saves }: Figures): string {
  const { node, dataplane, withoutCode, clang, compiler } = commandLine;
  const { template, whole, slots, specialisedSlots } = atLoad;
  return `${[
    `a process from start to end, medians of ${rounds} in turns`,
    row('node -e 0', ms(node)),
    row('natra compile, the dataplane', ms(dataplane), verdict(dataplane, TARGETS.compile)),
    row('  the same, V8 without code of an earlier run', ms(withoutCode)),
    ...(clang === undefined
      ? []
      : [row(`${compiler} -O2, the same in C`, ms(clang), times(dataplane / clang))]),
    '',
    'natra dev, from a save to the report on all that is made of the file',
    ...rowsOfSaves(`the first saves of ${saves.first.files} constants: median`, saves.first),
    ...rowsOfSaves(`a constant of one of ${saves.ofCode.files} files is another: median`, saves.ofCode),
    ...rowsOfSaves(`a comment above one of ${saves.ofComments.files} files: median`, saves.ofComments),
    '',
    `made for a Pod's settings at load, in a process like that of ADD: the first time, and when warm`,
    row('from a template', ms(template.cold, 2), ms(template.warm, 2), verdict(template.cold, TARGETS.load)),
    row('from the program', ms(whole.cold, 2), ms(whole.warm, 2), verdict(whole.cold, TARGETS.load)),
    row('instructions before and after', `${slots}`, `${specialisedSlots}`, times(specialisedSlots / slots)),
    'how much faster the program then is: npm run bench -- codegen (rows "dataplane") and npm run bench -- dataplane',
  ].join('\n')}\n`;
}

async function main(): Promise<void> {
  const options = optionsOf(HELP, { json: { type: 'boolean' }, rounds: { type: 'string', default: '7' } });
  const rounds = countOf('rounds', options.rounds);
  const commandLine = measureCommandLine(rounds);
  const atLoad = await measureAtLoad(rounds);
  const saves = await measureSaves(Math.min(rounds, 3));
  const figures: Figures = { rounds, commandLine, atLoad, saves };
  process.stdout.write(options.json ? `${JSON.stringify(figures, undefined, 2)}\n` : table(figures));
}

await main();
