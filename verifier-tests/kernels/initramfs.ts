/**
 * A small initramfs: busybox, the modules that the virtio devices need, and two scripts. The first mounts the host's
 * root read-only under a writable overlay and moves into it; the second runs the job there and reports its exit code.
 */
import { readFileSync } from 'node:fs';

/** newc cpio (Documentation/driver-api/early-userspace/buffer-format.rst). */
class CpioArchive {
  readonly #parts: Buffer[] = [];
  #inode = 0;

  add(
    name: string,
    mode: number,
    data: Buffer = Buffer.alloc(0),
    device: readonly [number, number] = [0, 0],
  ): this {
    const path = Buffer.from(`${name}\0`);
    const numbers = [++this.#inode, mode, 0, 0, 1, 0, data.length, 0, 0, ...device, path.length, 0];
    const header = Buffer.from(
      `070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}`,
    );
    const padding = (length: number): Buffer => Buffer.alloc(-length & 3);
    this.#parts.push(header, path, padding(header.length + path.length), data, padding(data.length));
    return this;
  }

  end(): Buffer {
    this.add('TRAILER!!!', 0);
    return Buffer.concat(this.#parts);
  }
}

/** For a POSIX shell. */
export const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

const INIT = `#!/bin/busybox sh
B=/bin/busybox
for d in proc sys dev host rw newroot; do $B mkdir -p /$d; done
$B mount -t proc proc /proc; $B mount -t sysfs sys /sys; $B mount -t devtmpfs dev /dev
fail() { echo "natra-vm: $*" >/dev/kmsg; $B reboot -f; }
while read -r module; do $B insmod "/modules/$module" || echo "natra-vm: insmod $module failed" >/dev/kmsg; done </modules/order
. /settings
$B mount -t virtiofs host /host -o ro || fail 'the host root does not mount'
$B mount -t tmpfs -o mode=755 rw /rw; $B mkdir /rw/upper /rw/work
$B mount -t overlay root /newroot -o lowerdir=/host,upperdir=/rw/upper,workdir=/rw/work || fail 'the overlay does not mount'
$B mkdir -p /newroot/proc /newroot/sys /newroot/dev /newroot/run /newroot/tmp /newroot/.natra-vm "/newroot$SHARE" "/newroot/lib/modules/$RELEASE"
$B cp /bin/busybox /job /stage2 /newroot/.natra-vm/
$B mount -t virtiofs share "/newroot$SHARE" || fail 'the shared folder does not mount'
$B mount -t virtiofs modules "/newroot/lib/modules/$RELEASE" -o ro || fail "the modules don't mount"
for d in proc sys dev; do $B mount --move /$d /newroot/$d; done
$B mount -t tmpfs -o mode=755 run /newroot/run
exec $B switch_root /newroot /.natra-vm/busybox sh /.natra-vm/stage2
`;

const STAGE2 = `B=/.natra-vm/busybox
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb
$B mkdir -p /dev/pts /dev/shm /run/netns /run/lock
$B mount -t devpts devpts /dev/pts; $B mount -t tmpfs shm /dev/shm
[ -e /dev/fd ] || $B ln -s /proc/self/fd /dev/fd
$B mount -t bpf bpf /sys/fs/bpf; $B mount -t cgroup2 cgroup /sys/fs/cgroup
ulimit -n 65536
$B hostname natra-vm; $B ip link set lo up
for port in /sys/class/virtio-ports/*; do
  name=$($B cat "$port/name")
  [ "$name" ] && eval "PORT_\${name#natra.}=/dev/\${port##*/}"
done
echo up >"$PORT_control"
$B sh /.natra-vm/job </dev/null >"$PORT_out" 2>"$PORT_err"
echo "exit $?" >"$PORT_control"
$B sync
$B reboot -f
`;

export interface Job {
  readonly command: readonly string[];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Writable folder, at the same path inside and outside. */
  readonly share: string;
  readonly release: string;
}

export function initramfs(
  job: Job,
  modules: readonly { readonly name: string; readonly data: Buffer }[],
  busybox: string,
): Buffer {
  const archive = new CpioArchive();
  for (const folder of ['bin', 'dev', 'modules', 'proc', 'sys']) archive.add(folder, 0o40755);
  archive.add('dev/console', 0o20600, undefined, [5, 1]);
  archive.add('bin/busybox', 0o100755, readFileSync(busybox));
  archive.add('init', 0o100755, Buffer.from(INIT)).add('stage2', 0o100755, Buffer.from(STAGE2));
  for (const { name, data } of modules) archive.add(`modules/${name}`, 0o100644, data);
  archive.add('modules/order', 0o100644, Buffer.from(modules.map(({ name }) => `${name}\n`).join('')));
  const settings = `SHARE=${quote(job.share)}\nRELEASE=${quote(job.release)}\n`;
  archive.add('settings', 0o100644, Buffer.from(settings));
  const exports = Object.entries(job.environment).map(([key, value]) => `export ${key}=${quote(value)}\n`);
  const script = `${exports.join('')}cd ${quote(job.directory)} || exit 126\nexec ${job.command.map(quote).join(' ')}\n`;
  return archive.add('job', 0o100755, Buffer.from(script)).end();
}
