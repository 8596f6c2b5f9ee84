/**
 * The name of an attachment on the node: of its state file and of its pin directory. Container ids and
 * interface names come from outside and may hold dots, which bpffs refuses, so every byte but letters and
 * digits is escaped and neither is ever taken for a path.
 */
import type { AttachmentName } from '../config/network.ts';
import { fnv1a } from './fnv.ts';

/** NAME_MAX is 255; this leaves room for `.json` and a temporary suffix. */
const LONGEST_KEY = 200;

/**
 * `id-interface`, each escaped to `[A-Za-z0-9]` and `_` with two hex digits a byte: two attachments never share
 * a key. Only an id of more than some 150 characters, which no runtime makes, is cut and ends in a digest.
 */
export function attachmentKey({ containerId, ifname }: AttachmentName): string {
  const key = `${escaped(containerId)}-${escaped(ifname)}`;
  if (key.length <= LONGEST_KEY) return key;
  const digest = fnv1a(key).toString(16).padStart(16, '0');
  return `${key.slice(0, LONGEST_KEY - digest.length - 1)}_${digest}`;
}

function escaped(text: string): string {
  return text.replace(/[^A-Za-z0-9]/gu, (character) =>
    Array.from(Buffer.from(character), (byte) => `_${byte.toString(16).padStart(2, '0')}`).join(''),
  );
}
