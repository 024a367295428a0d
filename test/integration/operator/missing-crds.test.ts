import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Registry } from 'prom-client';
import type { FairleadError } from '#lib/errors';
import { KubeMetrics } from '#lib/kube/metrics';
import { resources } from '#operator/api/resources';
import { runControllers } from '#operator/controllers/run-controllers';
import { customResourceDefinition } from '#operator/crds/custom-resource-definition';
import { openApiServer } from '#operator/kube/api-server';
import { apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { serve } from '#test/support/apis/served-apis';
import { TestLog, until } from '#test/support/kube/widgets';

describePeers(apiserverRequirements, 'the operator without its CRDs', () => {
  it('reports what is missing with the next step, and goes on once it exists', async () => {
    const apiserver = await startApiserver();
    const registry = new Registry();
    const metrics = new KubeMetrics(registry);
    const log = new TestLog();
    const api = await openApiServer(apiserver.kubeconfig, metrics);
    const stopped = new AbortController();
    const running = runControllers(
      {
        ...{ api, namespace: 'default', log, metrics, profileMetrics: { countError: () => undefined } },
        ...{ report: () => undefined, pull: () => Promise.reject(new Error('nothing is pulled')) },
      },
      stopped.signal,
    );
    try {
      const reports = async (isFailing: 0 | 1): Promise<boolean> => {
        const lines = (await registry.metrics()).split('\n');
        return resources.every(({ plural }) =>
          lines.includes(`fairlead_kube_informer_failing{resource="${plural}"} ${isFailing}`),
        );
      };
      await until(() => reports(1));
      const warnings = log.lines.filter(({ level, fields }) => level === 'warn' && 'resource' in fields);
      assert.ok(warnings.length >= resources.length);
      for (const { fields, message } of warnings) {
        assert.equal(message, 'objects cannot be followed');
        const { err } = fields as { readonly err: FairleadError };
        assert.match(err.hint ?? '', /^Apply the CustomResourceDefinitions: fairlead operator manifests --crds/);
      }
      for (const resource of resources) {
        await serve(apiserver.request, customResourceDefinition(resource) as Record<string, unknown>);
      }
      const path = '/apis/security-profiles-operator.x-k8s.io/v1/seccompprofiles';
      const profile = {
        apiVersion: 'security-profiles-operator.x-k8s.io/v1',
        kind: 'SeccompProfile',
        metadata: { name: 'late' },
        spec: { defaultAction: 'SCMP_ACT_ERRNO' },
      };
      assert.equal((await apiserver.request('POST', path, profile)).status, 201);
      await until(async () => {
        const { body } = await apiserver.request('GET', `${path}/late`);
        return (body as { readonly status?: { readonly status?: string } }).status?.status === 'Pending';
      }, 90_000);
      await until(() => reports(0), 90_000);
    } finally {
      stopped.abort();
      await running;
      api.close();
      await apiserver.stop();
    }
  });
});
