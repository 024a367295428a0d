import assert from 'node:assert/strict';
import { it } from 'node:test';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { rollOut } from '#test/support/operator/rollouts';

describePeers(apiserverRequirements, 'a rolling update of the operator', () => {
  it('loses no admission under load', async (t) => {
    const result = await rollOut({ count: 3, rate: 100, shutdownDelay: 1, endpointLag: 200 });
    t.diagnostic(`${result.created} pods; the replicas ended after ${result.endings.join(', ')} ms`);
    assert.deepEqual(result.failures, []);
    assert.deepEqual(result.exitCodes, [0, 0, 0]);
  });
});
