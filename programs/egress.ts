/** Traffic from the Pod. */
import { classifier } from '../dsl/lang/index.ts';
import { DESTINATION } from './exclusions.ts';
import { limit } from './limit.ts';

export const egress = classifier((skb) => limit(skb, DESTINATION));
