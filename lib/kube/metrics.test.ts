import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { widgets } from '#test/support/kube/widgets';
import { KubeMetrics } from './metrics.ts';

describe('KubeMetrics', () => {
  it('counts with labels whose number does not depend on what happens', async () => {
    const registry = new Registry();
    const metrics = new KubeMetrics(registry);
    for (let status = 100; status < 1000; status++) metrics.countRequest('GET', status);
    metrics.countRequest('WATCH', undefined);
    metrics.countRestart('widgets', 'list');
    metrics.countRejected('widgets');
    metrics.setFailing({ resource: widgets }, true);
    metrics.countReconcile('widget', 'failed', 0.2);
    metrics.countEvent('limited');
    metrics.setLeader('operator', true);
    const end = metrics.reportDepth('widget', () => 7);
    const written = await registry.metrics();
    for (const line of [
      'fairlead_kube_requests_total{verb="GET",status="2xx"} 100',
      'fairlead_kube_requests_total{verb="GET",status="other"} 400',
      'fairlead_kube_requests_total{verb="WATCH",status="none"} 1',
      'fairlead_kube_informer_restarts_total{resource="widgets",request="list"} 1',
      'fairlead_kube_rejected_objects_total{resource="widgets"} 1',
      'fairlead_kube_informer_failing{resource="widgets"} 1',
      'fairlead_controller_reconcile_seconds_count{controller="widget",result="failed"} 1',
      'fairlead_kube_events_total{result="limited"} 1',
      'fairlead_kube_leader{lease="operator"} 1',
      'fairlead_controller_queue_depth{controller="widget"} 7',
    ]) {
      assert.ok(written.split('\n').includes(line), line);
    }
    end();
    assert.doesNotMatch(await registry.metrics(), /queue_depth\{/);
  });

  it('reports a resource as failing while one of its informers fails, whichever reports last', async () => {
    const registry = new Registry();
    const metrics = new KubeMetrics(registry);
    const failing = async () => /informer_failing\{resource="widgets"\} (\d)/.exec(await registry.metrics())?.[1];
    const [one, other] = [{ resource: widgets }, { resource: widgets }];
    const steps = [
      [one, true, '1'],
      [other, false, '1'],
      [other, true, '1'],
      [other, true, '1'],
      [one, false, '1'],
      [one, false, '1'],
      [other, false, '0'],
    ] as const;
    for (const [at, [informer, isFailing, reported]] of steps.entries()) {
      metrics.setFailing(informer, isFailing);
      assert.equal(await failing(), reported, `step ${at}`);
    }
  });
});
