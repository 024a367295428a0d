import assert from 'node:assert/strict';
import { it } from 'node:test';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { admitMany } from '#test/support/operator/admission-load';

describePeers(apiserverRequirements, 'an operator under load', () => {
  it('admits every pod, with few lists and little memory', async (t) => {
    const { failures, seconds, lists, memory } = await admitMany({
      ...{ bindings: 100, pods: 300, admissions: 600 },
      ...{ atOnce: 20, samples: 2 },
    });
    t.diagnostic(`600 admissions and ${lists} lists in ${seconds.toFixed(1)} s, ${memory.join(' and ')} MiB`);
    assert.deepEqual(failures, []);
    assert.ok(lists <= 3 + 17 * seconds, `${lists} lists in ${seconds} s`);
    // Half of what the Deployment allows.
    assert.ok(Math.max(...memory) < 256, `${memory} MiB`);
  });
});
