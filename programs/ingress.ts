/** Traffic towards the Pod. */
import { classifier } from '../dsl/lang/index.ts';
import { limit } from './limit.ts';

export const ingress = classifier(limit);
