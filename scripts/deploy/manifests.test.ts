/** What deploy/ and docs/install.md say, held against what natra is. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { DOCTOR_OPTIONS } from '../../cni/doctor/command.ts';
import { INSTALL_OPTIONS, UNINSTALL_OPTIONS } from '../../cni/install/command.ts';
import { BUNDLE, COMPANIONS } from '../../cni/install/executable.ts';
import { STATUS_OPTIONS } from '../../cni/status/command.ts';
import { metrics } from '../../cni/status/metrics.ts';
import { METRICS_OPTIONS } from '../../cni/status/metrics-command.ts';
import { parseListenAddress } from '../../cni/status/serve.ts';
import { TOP_OPTIONS } from '../../cni/top/command.ts';
import { VERDICTS } from '../../cni/verdicts.ts';
import { version } from '../../package.json';
import { patched } from './patch.ts';
import { render, type Values } from './render.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** The only document of a YAML text; fails on anything that a strict parser warns of. */
// biome-ignore lint/suspicious/noExplicitAny: manifests are navigated as they are
function parsed(text: string): any {
  const documents = parseAllDocuments(text, { strict: true, uniqueKeys: true });
  expect(documents).toHaveLength(1);
  const [document] = documents as { errors: unknown[]; warnings: unknown[]; toJS(): unknown }[];
  expect([...document!.errors, ...document!.warnings]).toEqual([]);
  return document!.toJS();
}

const CHART = 'deploy/helm/natra';
const values: Values = parsed(read(`${CHART}/values.yaml`));
const chartWith = (more: Values) =>
  parsed(render(read(`${CHART}/templates/daemonset.yaml`), { ...values, ...more }));
const kustomize = () => parsed(read('deploy/kustomize/base/daemonset.yaml'));

// biome-ignore lint/suspicious/noExplicitAny: as above
const podOf = (daemonSet: any) => daemonSet.spec.template.spec;

describe.each([
  ['kustomize', kustomize],
  ['helm', () => chartWith({})],
])('the DaemonSet of %s', (_, load) => {
  test('calls natra with options that there are', () => {
    const [container] = podOf(load()).containers;
    const [command, ...options] = container.args;
    expect(command).toBe('install');
    const { values: chosen } = parseArgs({ args: options, options: INSTALL_OPTIONS });
    expect(chosen).toMatchObject({ watch: true, 'with-node': true, 'replace-bandwidth': true });
  });

  test('mounts the folders that natra writes, at the paths of the node, and no others', () => {
    const { containers, volumes } = podOf(load());
    const folders = [INSTALL_OPTIONS['cni-bin-dir'].default, INSTALL_OPTIONS['conf-dir'].default];
    expect(volumes.map(({ hostPath }: { hostPath: { path: string } }) => hostPath.path)).toEqual(folders);
    expect(containers[0].volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath)).toEqual(
      folders,
    );
    expect(containers[0].volumeMounts.map(({ name }: { name: string }) => name)).toEqual(
      volumes.map(({ name }: { name: string }) => name),
    );
  });

  test('has no capability, no token and nothing to write but these', () => {
    const { containers, automountServiceAccountToken } = podOf(load());
    expect(automountServiceAccountToken).toBe(false);
    expect(containers).toHaveLength(1);
    expect(containers[0].securityContext).toMatchObject({
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(containers[0].securityContext.capabilities.add).toBeUndefined();
  });

  test('selects its own Pods and runs the release of this tree', () => {
    const { spec } = load();
    expect(spec.template.metadata.labels).toEqual(spec.selector.matchLabels);
    expect(podOf(load()).containers[0].image).toBe(`natra:${version}`);
  });
});

/** The base with components of kustomize. */
const kustomizeWith = (...components: string[]) =>
  components.reduce(
    (daemonSet, name) => patched(daemonSet, parsed(read(`deploy/kustomize/${name}/daemonset.yaml`))),
    kustomize(),
  );
const METRICS = { ...(values.metrics as Values), enabled: true };

test('kustomize names the files that are there', () => {
  const folder = join(root, 'deploy', 'kustomize');
  const named = ['base', 'upgrade', 'metrics', 'full'].flatMap((name) => {
    const {
      resources = [],
      components = [],
      patches = [],
    } = parsed(read(`deploy/kustomize/${name}/kustomization.yaml`));
    return [...resources, ...components, ...patches.map(({ path }: { path: string }) => path)].map(
      (file: string) => join(folder, name, file),
    );
  });
  expect(named).toHaveLength(6);
  for (const file of named) expect(existsSync(file), file).toBe(true);
  expect(parsed(read('deploy/kustomize/base/kustomization.yaml')).namespace).toBe('kube-system');
});

describe('the chart', () => {
  test('is, with its own values, what kustomize applies', () => {
    const { metadata, ...rest } = chartWith({});
    const { metadata: base, ...baseRest } = kustomize();
    expect(rest).toEqual(baseRest);
    expect(metadata).toEqual({ ...base, namespace: 'kube-system' });
  });

  test.each([
    [['upgrade'], { upgrade: true }],
    [['metrics'], { metrics: METRICS }],
    [['upgrade', 'metrics'], { upgrade: true, metrics: METRICS }],
  ])('is the same with %j', (components, more) => {
    expect(podOf(chartWith(more))).toEqual(podOf(kustomizeWith(...components)));
  });

  test("upgrades with the rights that this takes, and the node's pins, records and namespaces", () => {
    const { containers, volumes } = podOf(chartWith({ upgrade: true }));
    const { values: chosen } = parseArgs({ args: containers[0].args.slice(1), options: INSTALL_OPTIONS });
    expect(chosen).toMatchObject({ upgrade: true, watch: true });
    expect(containers[0].securityContext.capabilities).toEqual({
      drop: ['ALL'],
      add: ['NET_ADMIN', 'SYS_ADMIN', 'SYS_RESOURCE'],
    });
    const paths = volumes.map(({ hostPath }: { hostPath: { path: string } }) => hostPath.path);
    expect(paths.slice(2)).toEqual(['/sys/fs/bpf', '/run/natra', '/run/netns']);
    expect(containers[0].volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath)).toEqual(
      paths,
    );
  });

  test.each([
    ['', ':9464'],
    ['10.0.0.1', '10.0.0.1:9464'],
    ['2001:db8::1', '[2001:db8::1]:9464'],
  ])('listens on %j as natra reads it, and is probed at the bare address', (address, expected) => {
    const { containers } = podOf(chartWith({ metrics: { ...METRICS, address } }));
    expect(containers[1].args).toEqual(['metrics', `--listen=${expected}`]);
    expect(containers[1].livenessProbe.httpGet.host).toBe(address);
    expect(parseListenAddress(expected)).toEqual({ port: 9464, ...(address !== '' && { host: address }) });
  });

  test('serves metrics where it is told to', () => {
    const { containers, volumes } = podOf(
      chartWith({ metrics: { ...METRICS, address: '127.0.0.1', port: 9000 } }),
    );
    expect(containers[0].securityContext.capabilities.add).toBeUndefined();
    const [command, ...options] = containers[1].args;
    expect(command).toBe('metrics');
    const { values: chosen } = parseArgs({ args: options, options: METRICS_OPTIONS });
    expect(chosen.listen).toBe('127.0.0.1:9000');
    expect(containers[1].ports).toEqual([{ name: 'metrics', containerPort: 9000 }]);
    expect(containers[1].livenessProbe.httpGet).toEqual({ path: '/healthz', port: 9000, host: '127.0.0.1' });
    const names = volumes.map(({ name }: { name: string }) => name);
    for (const { name } of containers[1].volumeMounts) expect(names).toContain(name);
  });

  test('is of the release of this tree', () => {
    expect(parsed(read(`${CHART}/Chart.yaml`))).toMatchObject({
      name: 'natra',
      version,
      appVersion: version,
    });
  });

  test('gives every value its place', () => {
    const template = read(`${CHART}/templates/daemonset.yaml`);
    for (const name of Object.keys(values)) expect(template, name).toContain(`.Values.${name}`);
  });

  test.each([
    [{ bandwidth: 'beside' }, { 'beside-bandwidth': true, 'replace-bandwidth': false }],
    [{ cniBinDir: '/usr/libexec/cni' }, { 'cni-bin-dir': '/usr/libexec/cni' }],
    [{ cniConfDir: '/var/lib/cni/net.d' }, { 'conf-dir': '/var/lib/cni/net.d' }],
    [{ confFile: '10-flannel.conflist' }, { 'conf-file': '10-flannel.conflist' }],
    [{ restoreOnExit: true }, { 'restore-on-exit': true, watch: true }],
  ])('with %j calls natra so', (more, expected) => {
    const { containers, volumes } = podOf(chartWith(more as Values));
    const { values: chosen } = parseArgs({ args: containers[0].args.slice(1), options: INSTALL_OPTIONS });
    expect(chosen).toMatchObject(expected);
    expect(volumes.map(({ hostPath }: { hostPath: { path: string } }) => hostPath.path)).toEqual([
      chosen['cni-bin-dir'],
      chosen['conf-dir'],
    ]);
  });

  test('passes SELinux options on', () => {
    const { containers } = podOf(chartWith({ seLinuxOptions: { type: 'spc_t' } }));
    expect(containers[0].securityContext.seLinuxOptions).toEqual({ type: 'spc_t' });
  });
});

test('the image holds what an installation copies, and starts it', () => {
  const lines = read('deploy/Dockerfile').split('\n');
  const argument = (name: string): string =>
    lines.find((line) => line.startsWith(`${name} `))?.slice(name.length) ?? '';
  const copied = argument('COPY').trim().split(' ');
  const folder = copied.pop();
  expect(copied).toEqual([BUNDLE, ...COMPANIONS].map((name) => `dist/${name}`));
  expect(JSON.parse(argument('ENTRYPOINT'))).toEqual(['node', `${folder}${BUNDLE}`]);
  const [command, ...options] = JSON.parse(argument('CMD'));
  expect(command).toBe('install');
  parseArgs({ args: options, options: INSTALL_OPTIONS });
});

describe('the board for Grafana', () => {
  const board = JSON.parse(read('deploy/grafana/natra.json'));
  const expressions: string[] = board.panels.flatMap(({ targets }: { targets: { expr: string }[] }) =>
    targets.map(({ expr }) => expr),
  );

  test('asks for metrics that natra serves, by labels that they have', async () => {
    const text = await metrics({ limits: [], unlimited: [], notes: [] });
    const served = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    const labels = ['namespace', 'pod', 'direction', 'verdict', 'le', 'version'];
    expect(expressions.length).toBeGreaterThan(8);
    for (const expression of expressions) {
      const names = [...expression.matchAll(/\bnatra_\w+/g)].map(([name]) => name.replace(/_bucket$/, ''));
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) expect(served).toContain(name);
      for (const [, list = ''] of expression.matchAll(/by \(([^)]*)\)/g))
        for (const label of list.split(', ')) expect(labels).toContain(label);
      for (const [, label] of expression.matchAll(/[{,](\w+)(?:=~|!~|=)/g)) expect(labels).toContain(label);
      for (const [, pattern = ''] of expression.matchAll(/verdict(?:=~|!~|=)"([^"]*)"/g))
        expect(
          VERDICTS.some(({ name }) => new RegExp(`^(?:${pattern})$`).test(name)),
          pattern,
        ).toBe(true);
    }
  });

  test('has a number and a place of its own for each panel', () => {
    const places = board.panels.map(
      ({ id, gridPos: { x, y } }: { id: number; gridPos: { x: number; y: number } }) => [id, `${x} ${y}`],
    );
    for (const part of [0, 1])
      expect(new Set(places.map((place: unknown[]) => place[part])).size).toBe(places.length);
  });
});

describe('docs/install.md', () => {
  const text = read('docs/install.md');
  const commands = [
    ...text.matchAll(
      /natra (install|uninstall|status|doctor|metrics|top|upgrade)((?: +--[a-z-]+(?:[ =][^-\s`][^\s`]*)?)*)/g,
    ),
  ];

  test('shows commands that there are', () => {
    const options = {
      install: INSTALL_OPTIONS,
      uninstall: UNINSTALL_OPTIONS,
      status: STATUS_OPTIONS,
      doctor: DOCTOR_OPTIONS,
      metrics: METRICS_OPTIONS,
      top: TOP_OPTIONS,
      upgrade: {},
    };
    expect(commands.length).toBeGreaterThan(6);
    for (const [, command, words = ''] of commands)
      parseArgs({ args: words.split(' ').filter(Boolean), options: options[command as 'install'] });
  });

  test('explains every option of natra install, and no other', () => {
    const rows = [...text.matchAll(/^\| `--([a-z-]+)/gm)].map(([, name]) => name);
    expect(rows).toEqual(Object.keys(INSTALL_OPTIONS));
  });

  test('names files that there are', () => {
    const files = [...text.matchAll(/(?:deploy|scripts|docs)\/[a-zA-Z/.-]*[a-zA-Z]/g)].map(([file]) => file);
    expect(files.length).toBeGreaterThan(4);
    for (const file of files) expect(existsSync(join(root, file)), file).toBe(true);
  });
});
