/**
 * Has another program take its place, which a file describes; where that fails, prints why and what is on stdin then. A variable
 * without a value comes with it, as `process.env` may have them by its type.
 */
import { readFileSync } from 'node:fs';
import { execute } from '../native/execute.ts';

const [file = ''] = process.argv.slice(2);
const execution = JSON.parse(readFileSync(file, 'utf8'));
try {
  execute({ ...execution, environment: { ...execution.environment, UNSET: undefined } });
} catch (error) {
  const stdin = readFileSync(0, 'utf8');
  process.stdout.write(JSON.stringify({ error: error instanceof Error ? error.message : error, stdin }));
}
