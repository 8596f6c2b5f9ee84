/** Names that end up in the object file: the kernel and libbpf must take them. */
import type { ts } from 'ts-morph';
import type { Session } from '../session.ts';

/** BPF_OBJ_NAME_LEN and, in BTF, KSYM_NAME_LEN, less the terminating zero. */
export const LONGEST_NAME = { object: 15, symbol: 127 } as const;

/** bpf_obj_name_cpy (kernel/bpf/syscall.c) and btf_name_valid_identifier (kernel/bpf/btf.c), of what TypeScript allows. */
const TAKEN = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function checkName(session: Session, name: ts.Identifier | ts.StringLiteral, most: number): void {
  if (!TAKEN.test(name.text)) session.refuse('N5010', name, { name: name.text });
  if (name.text.length > most) session.refuse('N5006', name, { name: name.text, most: String(most) });
}
