import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import type { CoveredPod } from '../coverage/outdated-owners.ts';
import type { CoverageState } from '../coverage/pod-coverage.ts';
import { CoverageMetrics } from './coverage-metrics.ts';

const pod = (
  states: readonly CoverageState[],
  more: { readonly isOutdated?: boolean; readonly isRunning?: boolean } = {},
) => {
  const { isOutdated = false, isRunning = true } = more;
  const containers = states.map((state) => ({
    ...{ title: 'container "app"', state, isOutdated, isWithdrawn: false, bindings: [] },
    ...{ profile: undefined, wanted: undefined, problem: undefined },
  }));
  return { namespace: 'web', name: 'nginx', owner: undefined, isRunning, containers } satisfies CoveredPod;
};

describe('CoverageMetrics', () => {
  const registry = new Registry();
  const metrics = new CoverageMetrics(registry);
  const values = async () => (await registry.metrics()).split('\n').filter((line) => /^fairlead_/.test(line));
  const source = (pods: readonly CoveredPod[], hasSynced = true) => ({ hasSynced, coverage: async () => ({ pods }) });

  it('counts running pods and their containers while it follows them, and has no values otherwise', async () => {
    assert.deepEqual(await values(), []);
    const pods = [
      pod(['Artifact', 'ProfileObject']),
      pod(['Artifact', 'Unset'], { isOutdated: true }),
      pod(['Privileged']),
      pod(['Artifact'], { isOutdated: true, isRunning: false }),
    ];
    const unfollow = metrics.follow(source(pods));
    const expected = (state: string, count: number) => `fairlead_containers{state="${state}"} ${count}`;
    assert.deepEqual((await values()).toSorted(), [
      ...[expected('Artifact', 2), expected('Exempt', 0), expected('File', 0), expected('LoggedArtifact', 0)],
      ...[expected('Privileged', 1), expected('ProfileObject', 1), expected('RuntimeDefault', 0)],
      ...[expected('Unconfined', 0), expected('Unset', 1)],
      ...['fairlead_outdated_pods 1', 'fairlead_pods{coverage="covered"} 1', 'fairlead_pods{coverage="uncovered"} 2'],
    ]);
    unfollow();
    assert.deepEqual(await values(), []);
  });

  it('has no values before everything has been listed once', async () => {
    const unfollow = metrics.follow(source([pod(['Artifact'])], false));
    assert.deepEqual(await values(), []);
    unfollow();
  });
});
