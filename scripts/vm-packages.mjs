/** Debian packages that booting a kernel in QEMU needs (verifier-tests/kernels/vm.ts). */
export const VM_PACKAGES = [
  'qemu-system-x86',
  'qemu-system-common',
  'qemu-system-data',
  'busybox-static',
  'kmod',
  'zstd',
  'xz-utils',
  'lz4',
];
/** Beside those, what an emulated machine of another architecture needs. */
export const ARM64_PACKAGES = ['qemu-system-arm'];
