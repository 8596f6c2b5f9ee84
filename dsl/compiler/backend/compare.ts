/** Equal for instructions, terminators and lists of them that do the same, whatever source lines they came from. */
export const comparable = (value: unknown): string =>
  JSON.stringify(value, (key, part: unknown) => {
    if (key === 'span') return undefined;
    return typeof part === 'bigint' ? `${part}n` : part;
  });
