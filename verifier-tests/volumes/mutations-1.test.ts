import { testShard } from './mutations.ts';

testShard(1);
