import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { forEachOf } from '#lib/concurrency/for-each-of';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { AdmissionCluster } from '#test/support/operator/admissions';
import { startReplica } from '#test/support/operator/replica';

const reference = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;
/** What the Deployment allows: an operator that takes more is killed. */
const mostMiB = 512;
const many = 1500;
/** As large as a binding can be: 50 kB. */
const large = {
  reference,
  images: Array.from(
    { length: 64 },
    (_, index) => `registry.example.com/${'a'.repeat(100)}${index}/${'**/'.repeat(80)}${'b'.repeat(100)}`,
  ),
  podSelector: {
    matchExpressions: [
      { key: 'app', operator: 'In', values: Array.from({ length: 240 }, (_, index) => `${'v'.repeat(57)}-${index}`) },
    ],
  },
};

/** Returns the most memory that a process has had. */
function peakMiB(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}

describePeers(apiserverRequirements, 'an operator and thousands of large bindings', () => {
  it('admits the pods of other namespaces, and refuses those of the namespaces that have them', async (t) => {
    const cluster = await AdmissionCluster.start();
    t.after(() => cluster.stop());
    const namespaces = ['hog-0', 'hog-1', 'hog-2'];
    for (const name of namespaces)
      await cluster.cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    const indexes = Array.from({ length: many }, (_, index) => index);
    await forEachOf(indexes, 8, async (index) => {
      const namespace = namespaces[index % namespaces.length];
      const { status, body } = await cluster.cluster.bind(`large-${index}`, large, namespace);
      assert.equal(status, 201, body.message);
    });
    const dryRun = { atOnce: 5, until: (sent: number) => sent >= 50, query: '?dryRun=All' };
    assert.deepEqual((await cluster.createPods('web', dryRun)).failures, []);
    const once = { atOnce: 1, until: (sent: number) => sent >= 1, query: '?dryRun=All' };
    const [refused = ''] = (await cluster.createPods('hog-0', once)).failures;
    assert.match(refused, /cannot list the ArtifactBindings of namespace hog-0: /);
    assert.match(cluster.operator.log(), /"namespace":"hog-\d",.*the objects of a namespace take too much memory/);
    // One that begins with all of them.
    const files = ['--tls-cert', 'tls.crt', '--tls-key', 'tls.key', '--kubeconfig', 'operator.kubeconfig'];
    const next = await startReplica(files, cluster.cluster.file(''));
    t.after(() => next.kill());
    assert.equal(await next.readiness(), 200);
    const peaks = [cluster.operator, next].map(({ pid }) => peakMiB(pid));
    t.diagnostic(`${many} bindings, at most ${peaks.join(' and ')} MiB`);
    assert.ok(Math.max(...peaks) < 0.8 * mostMiB, `${peaks}`);
  });
});
