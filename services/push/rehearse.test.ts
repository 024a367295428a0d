import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import type { KeySigner } from '#lib/trust/sign/key-signer';
import { common, counted, lax, put, reference, signer, stranger, strict } from '#test/support/publication';
import { rehearse } from './rehearse.ts';

describe('rehearse', () => {
  const policyFor = (by: KeySigner): TrustPolicy => ({
    source: 'policy.yaml',
    rules: [{ match: '**', unsigned: false, require: [{ anyOf: [{ key: 'a.pub', publicKey: by.key.publicKey }] }] }],
    revision: '1',
  });

  it('returns what publish would do under a policy, and sends nothing', async () => {
    const target = counted();
    await put(target, strict);
    target.writes.length = 0;
    const plan = await rehearse(lax, { reference }, { ...common, target, policy: policyFor(signer) });
    assert.equal(plan.tags[0]?.change, 'moved');
    assert.deepEqual(target.writes, []);
    await put(target, lax);
    assert.equal((await target.resolve('stable')).digest, plan.reference.digest);
  });

  it('throws what publish would throw, also for the signature', async () => {
    const target = counted();
    await put(target, strict);
    target.writes.length = 0;
    const dependencies = { ...common, target, policy: policyFor(stranger) };
    await assert.rejects(rehearse(lax, { reference }, dependencies), {
      kind: 'SignatureInvalid',
      message: /^no signature of registry\.example\.com/,
    });
    await assert.rejects(rehearse(lax, { reference, failOn: 'loosened' }, { ...common, target }), {
      name: 'FairleadError',
      kind: 'Conflict',
    });
    const keyless = { ...signer, key: undefined } as unknown as KeySigner;
    await rehearse(lax, { reference }, { ...dependencies, signer: keyless });
    assert.deepEqual(target.writes, []);
  });

  it('counts signatures that the registry has', async () => {
    const target = counted();
    await put(target, strict, {}, stranger);
    const plan = await rehearse(strict, { reference }, { ...common, target, policy: policyFor(stranger) });
    assert.equal(plan.tags[0]?.change, 'unchanged');
  });
});
