/** Runs the program at descriptor 3 on packets of some flows, as fast as it goes, for a time: `hammer.ts FLOW FLOWS BYTES MILLISECONDS`. */
import { tcpFrame } from '../../bench/dataplane/packets.ts';
import { testRun } from '../../loader/bpf/testrun.ts';

const PROGRAM_FD = 3;
const REPEAT = 500;
const [first = 0, flows = 1, length, milliseconds = 0] = process.argv.slice(2).map(Number);
const packets = Array.from({ length: flows }, (_, flow) => tcpFrame({ length, flow: first + flow }));

process.stdout.write('ready\n');
process.stdin.once('data', () => {
  const until = performance.now() + milliseconds;
  while (performance.now() < until) for (const data of packets) testRun(PROGRAM_FD, { data, repeat: REPEAT });
  process.exit();
});
