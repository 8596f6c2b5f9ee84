import { expect, it } from 'vitest';
import { removeRedundantBranches } from './redundant-branches.ts';
import { simplifyCfg } from './simplify-cfg.ts';
import { textAfter } from './testing.ts';

it('keeps one of two equal null checks and not one whose operand is another', () => {
  const text = textAfter(
    (fn) => simplifyCfg(removeRedundantBranches(fn)),
    `b0:
  %1:64 = helper 1 @bpf_map_lookup_elem(%0, %0)
  %2:64 = helper 1 @bpf_map_lookup_elem(%0, %0)
  branch.64 ne %1, 0 -> b1, b4
b1:
  branch.64 ne %1, 0 -> b2, b4
b2:
  branch.64 ne %2, 0 -> b3, b4
b3:
  return 1
b4:
  return 0`,
  );
  expect(text.match(/ne %1, 0/g)).toHaveLength(1);
  expect(text.match(/ne %2, 0/g)).toHaveLength(1);
});
