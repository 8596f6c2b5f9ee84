/** The kernels that natra is proven on, one row a kernel. */

/** Debian's names. */
export type Architecture = 'amd64' | 'arm64';

export type KernelSource =
  /** The newest kernel of a suite, or of one series in it, of the flavour for virtual machines. */
  | {
      readonly kind: 'debian';
      readonly architecture: Architecture;
      readonly suite: string;
      readonly series?: string;
    }
  /** The kernel that runs already, without a VM. */
  | { readonly kind: 'running' };

export interface KernelRow {
  readonly name: string;
  readonly source: KernelSource;
  /** What this row adds to the others. */
  readonly because: string;
  /** How much of it every CI run takes. */
  readonly inTests: 'whole' | 'short' | 'nothing';
  /** False for a row that must be asked for by name. */
  readonly byDefault: boolean;
}

const debian = (suite: string, series?: string): KernelSource => ({
  kind: 'debian',
  architecture: 'amd64',
  suite,
  ...(series !== undefined && { series }),
});

export const KERNELS: readonly KernelRow[] = [
  {
    name: '5.10',
    source: debian('bullseye-security'),
    because: 'the oldest supported; no bpf_loop, no atomics but add',
    inTests: 'short',
    byDefault: true,
  },
  {
    name: '6.1',
    source: debian('bookworm-security'),
    because: 'no TCX: clsact with departure times by fq',
    inTests: 'short',
    byDefault: true,
  },
  {
    name: '6.12',
    source: debian('trixie-security'),
    because: 'TCX and netkit',
    inTests: 'whole',
    byDefault: true,
  },
  {
    name: '6.18',
    source: debian('trixie-backports', '6.18'),
    because: 'the last long-term series',
    inTests: 'nothing',
    byDefault: true,
  },
  {
    name: 'newest',
    source: debian('trixie-backports'),
    because: "Debian's newest",
    inTests: 'short',
    byDefault: true,
  },
  {
    name: 'running',
    source: { kind: 'running' },
    because: 'the kernel of this machine, without a VM',
    inTests: 'nothing',
    byDefault: true,
  },
  {
    name: 'arm64',
    source: { kind: 'debian', architecture: 'arm64', suite: 'trixie-security' },
    because: 'the other architecture, emulated, with a root of Debian packages',
    inTests: 'nothing',
    byDefault: false,
  },
];

export function kernelRow(name: string): KernelRow {
  const row = KERNELS.find((one) => one.name === name);
  if (row === undefined)
    throw new Error(`kernel "${name}": known are ${KERNELS.map((one) => one.name).join(', ')}`);
  return row;
}
