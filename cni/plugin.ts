/**
 * One CNI call, from its environment and stdin to its stdout and exit status. Whatever cannot be done comes back
 * as a CNI error; nothing native is touched before the environment and the configuration are found good.
 */
import { inThreads, inTurn, isErrno, KernelError, leave, type Work } from '../loader/index.ts';
import {
  parseAttachment,
  parseVerb,
  requireVariables,
  type Variables,
  type Verb,
} from './config/environment.ts';
import { parseNetworkConfiguration } from './config/network.ts';
import { parseRequest } from './config/request.ts';
import { CniError, describe, ERROR_CODES, StateError } from './errors.ts';
import { type Node, thisNode } from './node.ts';
import { startAnew } from './start-anew.ts';
import { orEmpty, orRefuse, type ReadStdin, stdinOnce } from './stdin.ts';
import { add } from './verbs/add.ts';
import { check } from './verbs/check.ts';
import { del } from './verbs/del.ts';
import { gc } from './verbs/gc.ts';
import { status } from './verbs/status.ts';
import { version, versionIn } from './verbs/version.ts';
import { requireVersion } from './versions.ts';
import { writeAll } from './write-all.ts';

export { stdinOnce } from './stdin.ts';

export interface Outcome {
  /** Empty where the verb has no answer but success. */
  readonly stdout: string;
  readonly exitCode: 0 | 1;
}

/** Answers the call that this process was started for, and ends it. */
export async function answer(readStdin = stdinOnce(0)): Promise<never> {
  return leave(await serve(process.env, readStdin, 1));
}

/** Runs the verb in CNI_COMMAND with what takes the kernel long in threads, and writes its result; gives the exit status. */
export async function serve(variables: Variables, readStdin: ReadStdin, stdout: number): Promise<number> {
  startAnew(readStdin);
  const outcome = await runPluginInThreads(variables, readStdin, thisNode(variables));
  if (outcome.stdout !== '') writeAll(stdout, `${outcome.stdout}\n`);
  return outcome.exitCode;
}

/** Runs the verb in CNI_COMMAND. Never throws. */
export const runPlugin = (...call: CallArguments): Outcome => inTurn(calling(...call));

/** The same, with what takes the kernel long in threads. */
export const runPluginInThreads = (...call: CallArguments): Promise<Outcome> => inThreads(calling(...call));

type CallArguments = [variables: Variables, readStdin: ReadStdin, node: Node];

function* calling(...[variables, readStdin, node]: CallArguments): Work<Outcome> {
  let stdin = '';
  try {
    // Read first: even a verb that doesn't exist is refused in the version of its configuration.
    stdin = variables.CNI_COMMAND === 'VERSION' ? orEmpty(readStdin) : orRefuse(readStdin);
    const verb = parseVerb(variables) ?? 'VERSION';
    return { stdout: yield* resultOf(verb, variables, stdin, node), exitCode: 0 };
  } catch (thrown) {
    const error = asCniError(thrown);
    node.log(`${variables.CNI_COMMAND} failed: code ${error.code}: ${error.message}: ${error.details}`);
    return { stdout: JSON.stringify(error.report(versionIn(stdin))), exitCode: 1 };
  }
}

function* resultOf(verb: Verb, variables: Variables, stdin: string, node: Node): Work<string> {
  if (verb === 'VERSION') return version(stdin);
  requireVariables(verb, variables);
  switch (verb) {
    case 'ADD': {
      const attachment = parseAttachment(variables);
      return yield* add({ attachment, configuration: parseNetworkConfiguration(stdin), variables, node });
    }
    case 'CHECK': {
      const attachment = parseAttachment(variables);
      const configuration = parseNetworkConfiguration(stdin);
      requireVersion(verb, configuration.cniVersion, '0.4.0');
      check({ attachment, configuration, variables, node });
      return '';
    }
    case 'DEL': {
      const attachment = parseAttachment(variables);
      const { name } = parseNetworkConfiguration(stdin);
      del(attachment, name, node);
      return '';
    }
    case 'GC': {
      const configuration = parseNetworkConfiguration(stdin);
      requireVersion(verb, configuration.cniVersion, '1.1.0');
      gc(configuration, node);
      return '';
    }
    case 'STATUS': {
      const configuration = parseNetworkConfiguration(stdin);
      requireVersion(verb, configuration.cniVersion, '1.1.0');
      // What is wrong there, every ADD refuses.
      parseRequest(configuration.object, variables);
      status(node);
      return '';
    }
  }
}

function asCniError(thrown: unknown): CniError {
  if (thrown instanceof CniError) return thrown;
  if (thrown instanceof KernelError)
    return new CniError(
      isErrno(thrown, 'EAGAIN') ? ERROR_CODES.tryAgainLater : ERROR_CODES.dataplane,
      `${thrown.operation} failed: ${thrown.errnoName}`,
      describe(thrown),
    );
  if (thrown instanceof StateError)
    return new CniError(ERROR_CODES.io, 'the state directory is not accessible', thrown.message);
  return new CniError(ERROR_CODES.internal, 'natra failed', describe(thrown));
}
