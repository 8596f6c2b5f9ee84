// docs/performance.md: each benchmark's last output, between marks, with the machine that it comes from.
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release } from 'node:os';
import path from 'node:path';
import { projectRoot } from '../bootstrap.mjs';

const PAGE = path.join(projectRoot, 'docs', 'performance.md');

/** What figures depend on: the machine, and what else it was doing. */
function circumstances() {
  const [cpu] = cpus();
  const load = loadavg()[0]?.toFixed(1);
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, ${availableParallelism()} × ${cpu?.model.trim()}, Linux ${release()}, Node.js ${process.versions.node}, load ${load}`;
}

/**
 * Puts what a benchmark printed in the place of what it printed before.
 * @param {readonly string[]} argv its name and options
 * @param {string} output
 */
export function writeFigures(argv, output) {
  const [name] = argv;
  const [start, end] = [`<!-- bench: ${name} -->`, `<!-- end: ${name} -->`];
  const page = readFileSync(PAGE, 'utf8');
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`write docs/performance.md: it has no place ${start} ... ${end}`);
  const text = `${start}

\`npm run bench -- ${argv.join(' ')}\`; ${circumstances()}

\`\`\`text
${output.trimEnd()}
\`\`\`

`;
  writeFileSync(PAGE, page.slice(0, from) + text + page.slice(to));
}
