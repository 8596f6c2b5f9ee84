import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bootFailure, type Probes, whyNoKvm } from './acceleration.ts';
import { kernelImage } from './cache.ts';
import type { KernelImage } from './image.ts';
import { kernelRow } from './matrix.ts';
import { missingForVm } from './vm.ts';

const reason = missingForVm();
const unable = reason !== undefined && !process.env.CI;

const KERNEL: KernelImage = {
  release: '6.12.0-test',
  architecture: 'amd64',
  kernel: '/nowhere/vmlinux',
  moduleRoot: '/nowhere',
};

/** Probes that answer as told and count the boots; what they remember lasts as long as they. */
function probes(
  device: string | undefined,
  boot: string | undefined,
): Probes & { readonly boots: () => number } {
  const kept = new Map<string, string>();
  let boots = 0;
  return {
    deviceFailure: () => device,
    bootFailure: async () => {
      boots++;
      return boot;
    },
    remembered: (name) => kept.get(name),
    remember: (name, text) => void kept.set(name, text),
    boots: () => boots,
  };
}

test('without the device nothing is booted, and the reason is the device', async () => {
  const none = probes('there is no /dev/kvm', undefined);
  expect(await whyNoKvm(KERNEL, none)).toBe('there is no /dev/kvm');
  expect(none.boots()).toBe(0);
});

test.skipIf(unable)('a device that opens is tried by a boot, once, whatever comes of it', async () => {
  for (const failure of [undefined, 'a boot under it took longer than 15 s']) {
    const tried = probes(undefined, failure);
    expect(await whyNoKvm(KERNEL, tried)).toBe(failure);
    expect(await whyNoKvm(KERNEL, tried)).toBe(failure);
    expect(tried.boots()).toBe(1);
    await whyNoKvm({ ...KERNEL, release: '6.13.0-test' }, tried);
    expect(tried.boots()).toBe(2);
  }
});

test('guests of another architecture are emulated', async () => {
  const usable = probes(undefined, undefined);
  expect(await whyNoKvm({ ...KERNEL, architecture: 'arm64' }, usable)).toMatch(/^KVM runs no arm64 guests/);
  expect(usable.boots()).toBe(0);
});

test.skipIf(unable)(
  "a boot under KVM works, or fails with a reason: without the device with QEMU's own",
  async () => {
    const { name, source } = kernelRow('6.12');
    if (source.kind !== 'debian') throw new Error('6.12 is a kernel of Debian');
    const failure = await bootFailure(await kernelImage(name, source));
    if (existsSync('/dev/kvm')) expect(failure ?? 'a boot under it').toMatch(/^a boot under it/);
    else expect(failure).toMatch(/^a boot under it failed: .*kvm/i);
  },
);
