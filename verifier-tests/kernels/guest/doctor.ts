/** `natra doctor` says of this kernel what the other checks find out by doing it. */
import { examine } from '../../../cni/doctor/command.ts';
import type { Node } from '../../../cni/node.ts';
import { type Checks, require } from './checks.ts';
import { filesIn } from './programs.ts';

const FOLDERS = { binDirectory: '/opt/cni/bin', confDirectory: '/etc/cni/net.d' };

export async function checkDoctor(share: string, checks: Checks): Promise<void> {
  await checks.run('doctor chooses what the kernel has', () => {
    const node: Node = {
      stateDirectory: '/run/natra-guest-doctor',
      pinDirectory: '/sys/fs/bpf/natra-guest-doctor',
      ...filesIn(share),
      log: () => {},
    };
    const { choices, findings, healthy } = examine(node, FOLDERS, {});
    const missing = Object.values(findings)
      .flat()
      .filter(({ verdict }) => verdict === 'missing');
    require(healthy, `something is missing: ${missing.map(({ subject }) => subject).join(', ')}`);
    const { features } = checks;
    const mode = features.tcx ? 'tcx' : 'clsact';
    const pacing = features.fq ? 'edt' : features.htb ? 'queue' : 'police';
    for (const { direction, attachMode, placement, notes } of choices) {
      const found = `${placement?.pacing} by ${attachMode}`;
      require(found === `${pacing} by ${mode}`, `${direction}: ${found} instead of ${pacing} by ${mode}`);
      const isOlder = notes.some((note) => note.includes('the program for linux 5.10 is loaded'));
      require(isOlder === !features['atomics that fetch'], `${direction}: ${notes.join('; ')}`);
    }
    return `${pacing} by ${mode}`;
  });
}
