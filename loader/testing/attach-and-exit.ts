/** Pins and attaches a counting program, prints the attachment and exits: what an ADD does to the kernel. */
import { attach } from '../attach/index.ts';
import { loadProgram } from '../object/load.ts';
import { linkPath, pinAll } from '../pin/pins.ts';
import { countingObject, VERDICT } from './assembly.ts';

const [root = '', key = '', name = '', ifindex = '', mode = '', length = ''] = process.argv.slice(2);
const place = { root, key, label: 'egress' };
const program = loadProgram(countingObject(Number(length), name), name, {
  settings: { settings: { verdict: VERDICT.next } },
});
pinAll(program, place);
const attachment = attach({
  ifindex: Number(ifindex),
  direction: 'ingress',
  mode: mode === 'clsact' ? 'clsact' : 'tcx',
  program,
  pinPath: linkPath(place),
  filterName: name,
});
process.stdout.write(JSON.stringify(attachment));
