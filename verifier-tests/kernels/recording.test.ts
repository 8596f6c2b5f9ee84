import { expect, test } from 'vitest';
import { decodeRecording, encodeRecording } from './recording.ts';

test('bigints, byte arrays and maps come back as they were', () => {
  const value = {
    big: (1n << 63n) - 1n,
    bytes: Uint8Array.of(0, 255, 7),
    map: new Map([['.bss', Uint8Array.of(1)]]),
    nested: [{ deep: 2n }, 'text', null, undefined].slice(0, 3),
  };
  expect(decodeRecording(encodeRecording(value))).toEqual(value);
});
