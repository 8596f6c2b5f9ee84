import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { whyNoNamespaces } from '../../bench/live/namespace.ts';
import { Progress } from './progress.ts';
import { runDemo } from './run.ts';
import { DEFAULT_SECONDS, SHORTEST_SECONDS } from './scenario.ts';
import { runSimulation } from './simulation.ts';
import { renderSvg } from './svg.ts';
import { judge } from './targets.ts';
import { renderReport } from './terminal.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const HELP = `npm run demo -- [options]

Limits a Pod in network namespaces of its own and shows what becomes of a large transfer and of small
requests beside it: without a limit, with Debian's bandwidth plugin, with natra.

  --seconds N   about how long the whole run takes (${DEFAULT_SECONDS}; at least ${SHORTEST_SECONDS})
  --svg FILE    where the picture goes (out/demo.svg)
  --json        the figures as JSON on standard output (with npm run --silent, nothing else is there)
  --strict      exit with 1 when natra misses one of its targets
  --help        this text
`;

interface Arguments {
  readonly seconds: number;
  readonly svg: string;
  readonly json: boolean;
  readonly strict: boolean;
  readonly help: boolean;
  readonly reason: string | undefined;
}

function readArguments(words: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...words],
    options: {
      seconds: { type: 'string', default: String(DEFAULT_SECONDS) },
      svg: { type: 'string', default: resolve(ROOT, 'out/demo.svg') },
      json: { type: 'boolean', default: false },
      strict: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      // From scripts/demo.mjs, which has asked the kernel.
      'simulate-because': { type: 'string' },
    },
  });
  const seconds = Number(values.seconds);
  if (!(seconds >= SHORTEST_SECONDS && seconds <= 3600)) {
    throw new Error(`--seconds takes a number from ${SHORTEST_SECONDS} to 3600, not ${values.seconds}`);
  }
  const { svg, json, strict, help } = values;
  return { seconds, svg: resolve(svg), json, strict, help, reason: values['simulate-because'] };
}

async function live({ seconds, svg, json, strict }: Arguments, natraPath: string): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => interrupted.abort(new Error(`stopped by ${signal}`)));
  }
  const progress = new Progress(process.stderr);
  const report = await runDemo({ seconds, natraPath, progress, signal: interrupted.signal });
  mkdirSync(dirname(svg), { recursive: true });
  writeFileSync(svg, renderSvg(report));
  progress.done(`${report.seconds.toFixed(0)} s in all; the picture is in ${relative(process.cwd(), svg)}`);
  const targets = judge(report);
  process.stdout.write(json ? `${JSON.stringify({ ...report, targets })}\n` : renderReport(report));
  const failed = report.leftovers.length > 0 || (strict && targets.some((target) => !target.reached));
  return failed ? 1 : 0;
}

/** Why the kernel cannot take part here, or undefined. */
async function whyNotLive(reason: string | undefined): Promise<string | undefined> {
  if (reason !== undefined) return reason;
  if (process.platform !== 'linux') return `network namespaces are Linux's and this is ${process.platform}`;
  return whyNoNamespaces();
}

async function main(): Promise<number> {
  const args = readArguments(process.argv.slice(2));
  if (args.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const reason = await whyNotLive(args.reason);
  if (reason !== undefined) return runSimulation({ ...args, reason });
  const natraPath = resolve(ROOT, 'dist/natra');
  accessSync(natraPath, constants.X_OK);
  return live(args, natraPath);
}

try {
  process.exitCode = await main();
} catch (error) {
  new Progress(process.stderr).done(`natra demo: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
