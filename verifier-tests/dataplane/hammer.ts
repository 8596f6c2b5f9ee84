/** Runs the program at descriptor 3 on one packet, as fast as it goes, for a time: `hammer.ts FLOW MILLISECONDS`. */
import { tcpFrame } from '../../bench/dataplane/packets.ts';
import { testRun } from '../../loader/bpf/testrun.ts';

const PROGRAM_FD = 3;
const REPEAT = 2000;
const [flow, milliseconds] = process.argv.slice(2).map(Number);
const data = tcpFrame({ length: 1514, flow: flow ?? 0 });

process.stdout.write('ready\n');
process.stdin.once('data', () => {
  const until = performance.now() + (milliseconds ?? 0);
  while (performance.now() < until) testRun(PROGRAM_FD, { data, repeat: REPEAT });
  process.exit();
});
