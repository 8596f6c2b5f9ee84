import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { abandonedIn, removeAbandoned } from './abandoned.ts';
import { executeOrThrow } from './command.ts';
import { NAMESPACE_DIRECTORY } from './namespace.ts';

it('clears up after a run that was killed with its agents at work, and leaves a living run alone', async () => {
  const module = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const program = `
    const { createTopology } = await import(${JSON.stringify(module('./topology.ts'))});
    const { startRig } = await import(${JSON.stringify(module('./rig.ts'))});
    const { pod } = await startRig(await createTopology());
    console.log(pod.mice.pid);
    setInterval(() => {}, 1000);`;
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const child = spawn(process.execPath, ['--import', loader, '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const agent = await new Promise<number>((resolve) =>
    child.stdout.once('data', (line) => resolve(Number(line))),
  );
  const ours = `natra-live-${child.pid}-pod`;
  await removeAbandoned();
  expect(await executeOrThrow('ip', ['netns', 'list'])).toContain(ours);

  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  expect(abandonedIn(NAMESPACE_DIRECTORY)).toContain(ours);
  await removeAbandoned();
  expect(await executeOrThrow('ip', ['netns', 'list'])).not.toContain(ours);
  await expect.poll(() => isAlive(agent), { timeout: 3000 }).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
