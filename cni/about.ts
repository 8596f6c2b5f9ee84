/** What the executable says of itself. */
import { version } from '../package.json';
import { SUPPORTED_VERSIONS } from './versions.ts';

export function about(): string {
  return [
    `natra ${version}: chained CNI plugin that limits a Pod's bandwidth with eBPF`,
    `CNI protocol versions supported: ${SUPPORTED_VERSIONS.join(', ')}`,
    '',
  ].join('\n');
}
