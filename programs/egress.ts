/** Traffic from the Pod. */
import { classifier } from '../dsl/lang/index.ts';
import { limit } from './limit.ts';

export const egress = classifier(limit);
