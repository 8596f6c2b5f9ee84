import { testShard } from './cni.ts';

testShard(2);
