/** The operator's commands. The build puts them into a file of their own, which no CNI call reads. */
import { join } from 'node:path';
import { KernelError } from '../loader/index.ts';
import { about } from './about.ts';
import { setCommand } from './change/set.ts';
import { upgradeCommand } from './change/upgrade.ts';
import type { Console } from './console.ts';
import { doctorCommand } from './doctor/command.ts';
import { CniError, codeOf, OperatorError } from './errors.ts';
import { installCommand, uninstallCommand } from './install/command.ts';
import { keepCode } from './install/keep-code.ts';
import { rehearse } from './install/rehearsal.ts';
import { type Node, thisNode } from './node.ts';
import { statusCommand } from './status/command.ts';
import { metricsCommand } from './status/metrics-command.ts';
import { topCommand } from './top/command.ts';
import { writeAll } from './write-all.ts';

const USAGE = `usage: natra <command> [options]

  install     put natra into the node's CNI chain
    --cni-bin-dir DIR      the runtime's plugins (/opt/cni/bin)
    --conf-dir DIR         the runtime's configurations (/etc/cni/net.d)
    --conf-file NAME       a .conflist in it, instead of the one that the runtime takes
    --replace-bandwidth    put natra in the place of the plugin "bandwidth"
    --beside-bandwidth     keep "bandwidth": both limit a Pod then
    --upgrade              then \`natra upgrade\`
    --with-node            copy this Node.js beside natra and start natra on it
    --watch                stay, and put natra back when another rewrites the file
    --restore-on-exit      with --watch: uninstall when SIGTERM comes
  uninstall   take natra out again; running Pods stay limited until they end
    --cni-bin-dir DIR, --conf-dir DIR
    --release              take the limits off running Pods too
  status      what is limited on this node
    --json                 the same for programs
  doctor      what this kernel and node can do, and what natra would choose; status 1 where something is missing
    --json                 the same for programs
    --cni-bin-dir DIR, --conf-dir DIR
  top         limited Pods and their heaviest flows, live; one picture where the output is no terminal
    --interval SECONDS     between two pictures (2)
  metrics     what has been counted, for Prometheus
    --listen ADDR          stay, and serve it by HTTP: :9464, 10.0.0.1:9464 or [::1]:9464
  upgrade     give running Pods the programs of this release, without a gap
  set POD     change the limits of a running Pod; POD is NAMESPACE/NAME or a container id's beginning
    --ingress-rate RATE, --egress-rate RATE     bits a second, such as 20M
    --ingress-burst BITS, --egress-burst BITS
    --interface NAME       where the Pod has several
`;

/** Runs the command that this process was started for; `directory` is the one of the executable. Gives the exit status. */
export async function command(argv: readonly string[], directory: string): Promise<number> {
  const error = (text: string): void => writeAll(2, text);
  if (argv.length === 0) {
    // The specification gives stdout to results alone, so the text goes to stderr, as libcni's plugins do it.
    error(about());
    return 0;
  }
  return run(argv, directory, thisNode(process.env), {
    out: (text) => writeAll(1, text),
    error,
    isTerminal: process.stdout.isTTY === true && !process.env.NO_COLOR,
  });
}

/** Runs one command; gives the exit status: 0, 1 where it failed, 2 where it was called wrongly. */
export async function run(
  argv: readonly string[],
  source: string,
  node: Node,
  console: Console,
): Promise<number> {
  const [command, ...options] = argv;
  if (options.some((each) => each === '--help' || each === '-h')) {
    console.out(USAGE);
    return 0;
  }
  try {
    switch (command) {
      case 'install':
        await installCommand(options, source, node, console);
        return 0;
      case 'uninstall':
        uninstallCommand(options, node, console);
        return 0;
      case 'status':
        await statusCommand(options, node, console);
        return 0;
      case 'doctor':
        return doctorCommand(options, node, console);
      case 'top':
        await topCommand(options, node, console);
        return 0;
      case 'metrics':
        await metricsCommand(options, node, console);
        return 0;
      // What `install` calls of the release that it has put in place, on the Node.js that will run it.
      case 'keep-code':
        await keepCode(join(source, 'natra-verbs.cjs'), rehearse);
        return 0;
      case 'upgrade':
        upgradeCommand(options, node, console);
        return 0;
      case 'set':
        setCommand(options, node, console);
        return 0;
      case 'help':
      case '--help':
      case '-h':
        console.out(USAGE);
        return 0;
      case '--version':
        console.out(about());
        return 0;
      default:
        console.error(`natra: there is no command ${JSON.stringify(command)}\n\n${USAGE}`);
        return 2;
    }
  } catch (error) {
    if (codeOf(error)?.startsWith('ERR_PARSE_ARGS')) {
      console.error(`natra ${command}: ${error instanceof Error ? error.message : ''}\n\n${USAGE}`);
      return 2;
    }
    console.error(`natra ${command}: ${told(error)}\n`);
    return 1;
  }
}

/** An operator's mistake in a line; anything else with its stack, since it is natra's. */
function told(error: unknown): string {
  if (error instanceof CniError) return error.details;
  if (error instanceof OperatorError || error instanceof KernelError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
