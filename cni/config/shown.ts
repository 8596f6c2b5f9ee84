/** Values and names from outside, as errors and the log tell them: on one line, and only the beginning of long ones. */

const LONGEST = 200;

/** A value as JSON. */
export function shown(value: unknown): string {
  return shortened(jsonOf(value));
}

/** A name as it is, or in quotes where it holds anything unusual. */
export function shownName(name: string): string {
  return /^[\w./-]{1,100}$/.test(name) ? name : shown(name);
}

function shortened(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}... (${text.length} characters)`;
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'undefined';
  } catch (error) {
    // JSON.parse takes what is nested to any depth, JSON.stringify has a stack.
    if (error instanceof RangeError)
      return `${Array.isArray(value) ? 'an array' : 'an object'} of great depth`;
    throw error;
  }
}
