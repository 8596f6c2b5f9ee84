/** JSON objects as the callers of a CNI plugin write them. */
import { CniError, ERROR_CODES } from '../errors.ts';

export type JsonObject = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Whether two values are the same in JSON, in whatever order their members are. node:util's comparison is a module that
 * Node.js would have to read for it.
 */
export function isSameJson(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null)
    return one === other;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const [members, others] = [one as JsonObject, other as JsonObject];
  return Object.keys({ ...members, ...others }).every((key) => isSameJson(members[key], others[key]));
}

/** Parses stdin. Throws code 6 for what is not one JSON object. */
export function parseObject(text: string): JsonObject {
  if (text.trim() === '')
    throw new CniError(
      ERROR_CODES.decode,
      'no network configuration',
      'stdin is empty: it must hold the network configuration as one JSON object',
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CniError(ERROR_CODES.decode, 'malformed network configuration', `stdin is not JSON: ${reason}`);
  }
  if (isObject(value)) return value;
  const found = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;
  throw new CniError(
    ERROR_CODES.decode,
    'malformed network configuration',
    `stdin must hold one JSON object, not ${found}`,
  );
}

/**
 * Fields by name without regard to case, as Go's encoding/json matches them: containerd writes `IngressRate`
 * where CRI-O writes `ingressRate`. Where several spellings occur, the last one counts.
 */
export function field(object: JsonObject, name: string): unknown {
  const wanted = name.toLowerCase();
  let found: unknown;
  for (const [key, value] of Object.entries(object)) if (key.toLowerCase() === wanted) found = value;
  return found;
}

/** Whether any spelling of `name` occurs, be it null. */
export function hasField(object: JsonObject, name: string): boolean {
  const wanted = name.toLowerCase();
  return Object.keys(object).some((key) => key.toLowerCase() === wanted);
}

/**
 * The text of a top-level member's value exactly as written, so that a result passes through with its digits,
 * order and spacing. `text` must hold one JSON object that JSON.parse accepts.
 */
export function rawMember(text: string, name: string): string | undefined {
  let raw: string | undefined;
  let at = skipBlanks(text, text.indexOf('{') + 1);
  while (text[at] === '"') {
    const keyEnd = endOfString(text, at);
    const key: unknown = JSON.parse(text.slice(at, keyEnd));
    const start = skipBlanks(text, text.indexOf(':', keyEnd) + 1);
    const end = endOfValue(text, start);
    if (key === name) raw = text.slice(start, end);
    at = skipBlanks(text, end);
    if (text[at] === ',') at = skipBlanks(text, at + 1);
  }
  return raw;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\t' || text[at] === '\r') at++;
  return at;
}

function endOfString(text: string, quote: number): number {
  let at = quote + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function endOfValue(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const character = text[at];
    if (character === '"') {
      at = endOfString(text, at);
      continue;
    }
    if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') {
      if (depth === 0) break;
      depth--;
    } else if (character === ',' && depth === 0) break;
    at++;
  }
  return text.slice(start, at).trimEnd().length + start;
}
