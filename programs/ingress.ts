/** Traffic towards the Pod. */
import { classifier } from '../dsl/lang/index.ts';
import { SOURCE } from './exclusions.ts';
import { limit } from './limit.ts';

export const ingress = classifier((skb) => limit(skb, SOURCE));
