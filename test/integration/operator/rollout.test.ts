import assert from 'node:assert/strict';
import { it } from 'node:test';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { rollOut } from '#test/support/operator/rollouts';

describePeers(apiserverRequirements, 'a rolling update of the operator', () => {
  it('loses no admission under load', async (t) => {
    const result = await rollOut({ count: 3, rate: 100, shutdownDelay: 1, endpointLag: 200, endWithin: 5000 });
    t.diagnostic(`${result.created} pods; the replicas ended after ${result.endings.join(', ')} ms`);
    assert.deepEqual(result.failures, []);
    assert.ok(result.created > 100, String(result.created));
    assert.ok(
      result.exitCodes.every((code) => code === 0),
      result.exitCodes.join(),
    );
  });
});
