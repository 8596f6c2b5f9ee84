/** The kernels that natra is proven on, one row a kernel. */

export interface KernelRow {
  readonly name: string;
  /** Debian suite whose newest kernel of this flavour is taken. */
  readonly suite: string;
  /** What this row adds to the others. */
  readonly because: string;
  /** Part of every CI run. */
  readonly always: boolean;
}

export const KERNELS: readonly KernelRow[] = [
  {
    name: '5.10',
    suite: 'bullseye-security',
    because: 'the oldest supported; no TCX, no bpf_loop',
    always: false,
  },
  {
    name: '6.1',
    suite: 'bookworm-security',
    because: 'no TCX: clsact with departure times by fq',
    always: true,
  },
  { name: '6.12', suite: 'trixie-security', because: 'TCX and netkit', always: true },
  { name: 'newest', suite: 'trixie-backports', because: "Debian's newest", always: false },
];

export function kernelRow(name: string): KernelRow {
  const row = KERNELS.find((one) => one.name === name);
  if (row === undefined)
    throw new Error(`kernel "${name}": known are ${KERNELS.map((one) => one.name).join(', ')}`);
  return row;
}
