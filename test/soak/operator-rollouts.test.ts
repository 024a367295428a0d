import assert from 'node:assert/strict';
import { it } from 'node:test';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { rollOut } from '#test/support/operator/rollouts';

describePeers(apiserverRequirements, 'rolling updates of the operator, one after another', () => {
  it('lose no admission in a minute under load', async (t) => {
    const result = await rollOut({ count: 8, rate: 100, shutdownDelay: 5, endpointLag: 1000, endWithin: 120_000 });
    t.diagnostic(`${result.created} pods; the replicas ended after ${result.endings.join(', ')} ms`);
    assert.deepEqual(result.failures, []);
    assert.deepEqual(result.exitCodes, Array(8).fill(0));
  });
});
