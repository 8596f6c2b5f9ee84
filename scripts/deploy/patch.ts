/**
 * As much of a strategic merge patch (kustomize, kubectl) as the components of deploy/ use: maps are merged, lists of
 * objects by the key that Kubernetes has for them, and all else is replaced.
 */
import type { Values } from './render.ts';

/** What tells the items of a list apart (patchMergeKey in k8s.io/api/core/v1). */
const KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
};

const isMap = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function patched(onto: Values, patch: Values): Values {
  const result: Record<string, unknown> = { ...onto };
  for (const [name, value] of Object.entries(patch)) {
    const key = KEYS[name];
    const before = result[name];
    if (isMap(value) && isMap(before)) result[name] = patched(before, value);
    else if (key !== undefined && Array.isArray(before) && Array.isArray(value))
      result[name] = merged(before, value, key);
    else result[name] = value;
  }
  return result;
}

function merged(before: readonly Values[], more: readonly Values[], key: string): unknown[] {
  const changed = before.map((item) => {
    const change = more.find((each) => each[key] === item[key]);
    return change === undefined ? item : patched(item, change);
  });
  return [...changed, ...more.filter((item) => !before.some((each) => each[key] === item[key]))];
}
