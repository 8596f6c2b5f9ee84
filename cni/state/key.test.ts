import fc from 'fast-check';
import { expect, test } from 'vitest';
import { attachmentKey } from './key.ts';

const containerId = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,90}$/);
const ifname = fc.string({ minLength: 1, maxLength: 15, unit: 'grapheme' });

test('a kubelet id stays readable', () => {
  expect(attachmentKey({ containerId: '5a1e06', ifname: 'eth0' })).toBe('5a1e06-eth0');
});

test('a key is a plain file name that bpffs takes', () => {
  fc.assert(
    fc.property(containerId, ifname, (id, name) => {
      expect(attachmentKey({ containerId: id, ifname: name })).toMatch(/^[A-Za-z0-9_-]{1,240}$/);
    }),
  );
});

test('two attachments never share a key', () => {
  const near = fc.stringMatching(/^[a-b][ab_.-]{0,4}$/);
  fc.assert(
    fc.property(near, near, near, near, (id1, name1, id2, name2) => {
      const same = id1 === id2 && name1 === name2;
      const key1 = attachmentKey({ containerId: id1, ifname: name1 });
      const key2 = attachmentKey({ containerId: id2, ifname: name2 });
      expect(key1 === key2).toBe(same);
    }),
  );
});

test('a very long id is cut but still tells two apart', () => {
  const long = 'a'.repeat(400);
  const key = attachmentKey({ containerId: `${long}1`, ifname: 'eth0' });
  expect(key.length).toBeLessThanOrEqual(200);
  expect(key).not.toBe(attachmentKey({ containerId: `${long}2`, ifname: 'eth0' }));
});
