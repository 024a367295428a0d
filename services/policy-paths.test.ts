import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { policyPaths } from './policy-paths.ts';

describe('policyPaths', () => {
  it('has the policy and its keys, of signatures and of attestations', () => {
    const rule = (key: string) => ({ anyOf: [{ key } as never] });
    const found = policyPaths({
      source: '/etc/p.yaml (which does not exist)',
      rules: [
        {
          match: '**',
          unsigned: false,
          require: [rule('/keys/a.pub')],
          attestations: [
            { type: 't', provenance: {}, by: rule('keys/b.pub') },
            { type: 't', provenance: {} },
          ],
        },
      ],
      revision: '',
    });
    assert.deepEqual(found, { '/keys/a.pub': 'a.pub', 'keys/b.pub': 'b.pub', '/etc/p.yaml': 'the trust policy' });
  });
});
