/**
 * Where things stand in a JSON text, so that one element of an array can be put in or taken out while every other
 * byte stays as its author left it.
 */

/** Offsets of a value in its text: from its first character to behind its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The elements of the array that is the member `name` of the text's object; undefined where there is none. Of members
 * of one name the last counts, as for JSON.parse and Go. `text` must be JSON that JSON.parse accepts.
 */
export function elementsOf(text: string, name: string): Span[] | undefined {
  const scanner = new Scanner(text);
  if (scanner.peek() !== '{') return undefined;
  let found: Span | undefined;
  for (const key of scanner.items('}')) {
    const value = scanner.afterKey();
    if (JSON.parse(text.slice(key.start, key.end)) === name) found = value;
  }
  if (found === undefined || text[found.start] !== '[') return undefined;
  return [...new Scanner(text, found.start).items(']')];
}

/** Puts `value` behind the element at `index`, laid out as that one is. */
export function insertAfter(text: string, elements: readonly Span[], index: number, value: unknown): string {
  const element = at(elements, index);
  const separator = leadOf(text, element);
  return `${text.slice(0, element.end)},${separator}${written(text, element, value)}${text.slice(element.end)}`;
}

/** Puts `value` in an element's place, laid out as the one that goes. */
export function replaceElement(
  text: string,
  elements: readonly Span[],
  index: number,
  value: unknown,
): string {
  const element = at(elements, index);
  return text.slice(0, element.start) + written(text, element, value) + text.slice(element.end);
}

/** Takes an element out, and one comma with it. */
export function removeElement(text: string, elements: readonly Span[], index: number): string {
  const element = at(elements, index);
  const before = elements[index - 1];
  if (before !== undefined) return text.slice(0, before.end) + text.slice(element.end);
  const after = elements[index + 1];
  return text.slice(0, element.start) + text.slice(after?.start ?? element.end);
}

function at(elements: readonly Span[], index: number): Span {
  const element = elements[index];
  if (element === undefined)
    throw new Error(`edit the list: it has ${elements.length} elements, not ${index + 1}`);
  return element;
}

/** The blanks before an element, back to its comma or bracket. */
function leadOf(text: string, { start }: Span): string {
  return /[ \t\r\n]*$/.exec(text.slice(0, start))?.[0] ?? '';
}

/** `value` in the manner of the element beside it: over several lines, on one line with blanks, or without any. */
function written(text: string, beside: Span, value: unknown): string {
  const example = text.slice(beside.start, beside.end);
  const firstMember = /^[[{](\r?\n)([ \t]*)/.exec(example);
  if (firstMember !== null) {
    const [, newline = '\n', inner = ''] = firstMember;
    const outer = /[ \t]*$/.exec(/(?:\r?\n)([ \t]*)[\]}]$/.exec(example)?.[1] ?? '')?.[0] ?? '';
    const unit = inner.startsWith(outer) && inner.length > outer.length ? inner.slice(outer.length) : '  ';
    return JSON.stringify(value, null, unit).replaceAll('\n', newline + outer);
  }
  if (!/[{,:]\s/.test(example)) return JSON.stringify(value);
  const lines = JSON.stringify(value, null, 1).replaceAll(/\n\s*/g, ' ');
  return /^\{\s/.test(example) ? lines : lines.replaceAll('{ ', '{').replaceAll(' }', '}');
}

/** Walks a text that is known to be JSON. */
class Scanner {
  private position: number;

  constructor(
    private readonly text: string,
    start = 0,
  ) {
    this.position = start;
  }

  /** The next character that is not blank. */
  peek(): string | undefined {
    while (/[ \t\r\n]/.test(this.text[this.position] ?? '')) this.position++;
    return this.text[this.position];
  }

  /** From an opening bracket: the values before each comma, up to `close`. Of an object these are its keys. */
  *items(close: ']' | '}'): Generator<Span> {
    this.peek();
    this.position++;
    while (this.peek() !== close) {
      yield this.value();
      if (this.peek() === ',') this.position++;
    }
    this.position++;
  }

  /** Behind a key: its value. */
  afterKey(): Span {
    this.peek();
    this.position++;
    return this.value();
  }

  private value(): Span {
    const first = this.peek();
    const start = this.position;
    if (first === '"') this.string();
    else if (first === '{') for (const _ of this.items('}')) this.afterKey();
    else if (first === '[') for (const _ of this.items(']'));
    else while (/[^\s,\]}]/.test(this.text[this.position] ?? ',')) this.position++;
    return { start, end: this.position };
  }

  private string(): void {
    this.position++;
    while (this.text[this.position] !== '"') this.position += this.text[this.position] === '\\' ? 2 : 1;
    this.position++;
  }
}
