import type { MachineInstruction, MachineTerminator } from './machine.ts';

const texts = new WeakMap<object, string>();

/** Equal for instructions and terminators that do the same, whatever source lines they came from. */
export function comparable(part: MachineInstruction | MachineTerminator): string {
  const known = texts.get(part);
  if (known !== undefined) return known;
  const { span: _, ...rest } = part;
  // A replacer makes JSON several times as slow; only constants are beyond it without.
  const text = rest.op === 'constant' ? `${rest.op} ${rest.to} ${rest.value}` : JSON.stringify(rest);
  texts.set(part, text);
  return text;
}
