import { testShard } from './programs.ts';

testShard(2);
