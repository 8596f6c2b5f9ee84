import { expect, it } from 'vitest';
import { check, errnoName, isErrno, KernelError } from './errors.ts';

it('names errno values, the kernel-internal one and unknown ones too', () => {
  expect([1, 11, 95, 524, 9999].map(errnoName)).toEqual([
    'EPERM',
    'EAGAIN',
    'EOPNOTSUPP',
    'ENOTSUPP',
    'errno 9999',
  ]);
});

it('says what was attempted, on what, what the kernel said and what to do', () => {
  const error = new KernelError({ operation: 'pin', object: '/x', errno: 1, detail: 'no', hint: 'mount it' });
  expect(error.message).toBe('pin /x: EPERM: no; mount it');
});

it('gives results through and turns refusals into errors with a hint for their errno', () => {
  expect(check(3, 'open', 'x')).toBe(3);
  const refused = (): number => check(-2, 'open', 'x', (errno) => `hint for ${errno}`);
  expect(refused).toThrow('open x: ENOENT; hint for ENOENT');
  try {
    refused();
  } catch (error) {
    expect(isErrno(error, 'EPERM')).toBe(false);
    expect(isErrno(error, 'EPERM', 'ENOENT')).toBe(true);
  }
});
