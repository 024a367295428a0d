import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { name, newSigner, type Part, PublishingSite, profile } from '#test/support/oidc/publishing-site';

describe('the bundle of a caller', () => {
  let site: PublishingSite;
  before(async () => {
    site = await PublishingSite.start();
  });
  after(() => site.stop());
  beforeEach(() => site.reset());

  it('takes the bundle of the caller for the digest that it asked for, and stores it once', async () => {
    const planned = await site.app.inject({
      method: 'POST',
      url: `/v1/profiles?reference=${name('1')}&dryRun=true`,
      headers: { 'content-type': 'application/json', authorization: site.authorization },
      payload: profile('read'),
    });
    assert.equal(planned.statusCode, 200, planned.body);
    assert.equal(site.pushed, 0);
    const { digest, statement, descriptor } = planned.json();
    assert.equal(descriptor.digest, digest);
    const bundle = await site.caller.sign(Buffer.from(statement));
    const parts: Part[] = [
      ['reference', name('1')],
      ['bundle', bundle],
      ['profile', profile('read')],
    ];
    const response = await site.post(parts);
    assert.equal(response.statusCode, 201, response.body);
    assert.equal(response.json().publications[0].digest, digest);
    const { signature } = response.json().publications[0];
    assert.equal((await site.post(parts)).json().publications[0].signature, signature);
    assert.ok((await site.post(parts)).json().publications[0].alreadySigned);
    assert.equal((await site.target.referrers(await site.target.resolve('1'))).length, 1);
    const plans = await site.post(parts, '/v1/publications?dryRun=true');
    assert.equal(plans.statusCode, 200, plans.body);
    assert.equal(plans.json().publications[0].change, 'unchanged');
  });

  it('returns the statement for a caller whose signature the policy requires, and whether it is signed', async () => {
    const [rule] = site.options.policy.current.rules;
    assert.ok(rule);
    const required = { key: 'caller.pub', publicKey: site.caller.key.publicKey };
    const rules = [{ ...rule, require: [{ anyOf: [required] }] }];
    const current = { ...site.options.policy.current, rules };
    await site.serve({ ...site.options, policy: { current, inForce: true } });
    const own: Part[] = [
      ['reference', name('1')],
      ['profile', profile('read')],
    ];
    assert.equal((await site.post(own, '/v1/publications?dryRun=true')).statusCode, 403);
    const plan = async () => {
      const several = await site.post(own, '/v1/publications?dryRun=unsigned');
      const one = await site.app.inject({
        method: 'POST',
        url: `/v1/profiles?reference=${name('1')}&dryRun=unsigned`,
        headers: { 'content-type': 'application/json', authorization: site.authorization },
        payload: profile('read'),
      });
      assert.deepEqual([several.statusCode, several.json().publications], [200, [one.json()]]);
      return one.json();
    };
    const { alreadySigned, change, statement } = await plan();
    assert.deepEqual([alreadySigned, change, site.pushed], [false, 'created', 0]);
    const parts: Part[] = [['bundle', await site.caller.sign(Buffer.from(statement))], ...own];
    assert.equal((await site.post(parts)).statusCode, 201);
    assert.deepEqual((({ alreadySigned, change }) => [alreadySigned, change])(await plan()), [true, 'unchanged']);
  });

  it('refuses a bundle of another signer or for another artifact, before anything is sent', async () => {
    const stranger = await newSigner();
    const statementOf = async (content: string): Promise<Buffer> => {
      const parts: Part[] = [
        ['reference', name('1')],
        ['profile', content],
      ];
      return Buffer.from((await site.post(parts, '/v1/publications?dryRun=true')).json().publications[0].statement);
    };
    const [own, other] = [await statementOf(profile('read')), await statementOf(profile('write'))];
    for (const bundle of [await stranger.sign(own), await site.caller.sign(other), Buffer.from('{'), Buffer.alloc(0)]) {
      const response = await site.post([
        ['reference', name('1')],
        ['bundle', bundle],
        ['profile', profile('read')],
      ]);
      assert.equal(response.statusCode, 403, response.body);
      assert.equal(response.json().kind, 'SignatureInvalid');
    }
    assert.equal(site.pushed, 0);
  });
});
