import type { FunctionTree } from '../../tree/tree.ts';
import type { Session } from '../session.ts';
export function checkFlow(_session: Session, _entry: FunctionTree): void {}
