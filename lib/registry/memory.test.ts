import { describe } from 'node:test';
import { targetContract } from '#test/support/contract/target';
import { memoryRepository } from './memory.ts';

describe('memoryRepository', () => targetContract(() => memoryRepository()));
