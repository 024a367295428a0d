import assert from 'node:assert/strict';
import { it } from 'node:test';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { admitMany } from '#test/support/operator/admission-load';

describePeers(apiserverRequirements, 'an operator with 10,000 pods and 500 bindings', () => {
  it('takes no more memory after 50,000 admissions than after 35,000', async (t) => {
    const load = { bindings: 500, pods: 10_000, admissions: 50_000, atOnce: 50, samples: 10 };
    const { failures, seconds, lists, memory } = await admitMany(load);
    t.diagnostic(`${load.admissions} admissions and ${lists} lists in ${seconds.toFixed(0)} s`);
    t.diagnostic(`memory after each ${load.admissions / load.samples}: ${memory.join(', ')} MiB`);
    assert.deepEqual(failures, []);
    // What is not in use any more is collected rarely: until then the heap grows.
    const [early, late] = [Math.max(...memory.slice(0, 7)), Math.max(...memory.slice(7))];
    assert.ok(late <= early * 1.1, `at most ${early} MiB at first, then ${late}`);
  });
});
