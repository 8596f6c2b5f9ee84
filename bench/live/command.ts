import { spawn } from 'node:child_process';

/** What a finished command left: its exit code and all it printed. */
export interface CommandOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string;
  readonly environment?: NodeJS.ProcessEnv;
  /** Milliseconds after which the command is killed and counts as failed. */
  readonly timeout?: number;
}

/** Runs a program to its end and returns what it printed, whatever its exit code. Throws when it cannot start. */
export function execute(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandOutput> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env: options.environment ?? process.env,
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeout ?? 60_000,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // A program that answers without reading its input closes the pipe: its answer matters, not our EPIPE.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    child.on('error', (error) => reject(new Error(`run ${file}: ${error.message}`)));
    child.on('close', (code, signal) => {
      resolve({ code: code ?? -1, stdout, stderr: signal ? `${stderr}killed by ${signal}` : stderr });
    });
  });
}

/** Like execute, and throws an error that carries the program's own words when it fails. */
export async function executeOrThrow(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const output = await execute(file, args, options);
  if (output.code !== 0) {
    const words = (output.stderr.trim() || output.stdout.trim()).slice(-2000);
    throw new Error(`${file} ${args.join(' ')}: exit ${output.code}: ${words}`);
  }
  return output.stdout;
}
