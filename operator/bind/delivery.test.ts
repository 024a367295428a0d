import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { contextOf, metadata, nginx, profile, reference } from '#test/support/nginx-binding';
import { parsePod } from '../api/pod.ts';
import { enforceCoverage } from '../coverage/enforce.ts';
import { bindPod } from './bind.ts';
import type { Binding } from './binding.ts';
import { checkPod } from './check.ts';
import { type Delivery, type DeliveryFacts, type DeliveryNode, deliveryOf } from './delivery.ts';

const node: DeliveryNode = {
  name: 'n1',
  operatingSystem: 'linux',
  kubeletVersion: 'v1.38.0',
  declaredFeatures: ['SecurityProfileOCI'],
};
const facts: DeliveryFacts = { field: 'ref', serverMinor: 38, nodes: [node], namespaceLabels: new Map() };
const restricted = new Map([['pod-security.kubernetes.io/enforce', 'restricted']]);

/** Asserts that artifacts are written as Localhost profiles, and why. */
function assertLocalhost(delivery: Delivery, because: RegExp): void {
  assert.equal(delivery.type, 'Localhost');
  if (delivery.type === 'Localhost') assert.match(delivery.because, because);
}

describe('the delivery of artifacts', () => {
  it('is by the type OCI where the API server and all nodes for Linux know it', () => {
    const others = [...['v1.38.2-gke.100', 'v1.39.0-rc.1', 'v1.40.1+k3s1', 'v2.0.0'], ...['v1.38.0-eks-5e0fdde']].map(
      (kubeletVersion) => ({ ...node, kubeletVersion, declaredFeatures: ['X', 'SecurityProfileOCIArtifact'] }),
    );
    const windows = { ...node, operatingSystem: 'windows', kubeletVersion: 'v1.30.0', declaredFeatures: [] };
    for (const field of ['ref', 'reference'] as const) {
      assert.deepEqual(deliveryOf({ ...facts, field, nodes: [node, ...others, windows] }), { type: 'OCI', field });
    }
  });

  it('is by a Localhost profile as soon as one node would run the type unconfined', () => {
    for (const kubeletVersion of ['v1.37.4', 'v1.38.0-alpha.2', 'v1.38.0-rc.0', 'v0.99.0', '1.38', '']) {
      const old = { ...node, name: 'old', kubeletVersion };
      assertLocalhost(deliveryOf({ ...facts, nodes: [node, old] }), /^node old has the kubelet/);
    }
    const undeclared = { ...node, name: 'gate-off', declaredFeatures: ['UserNamespaces'] };
    assertLocalhost(deliveryOf({ ...facts, nodes: [node, undeclared] }), /^node gate-off does not declare/);
    const unnamed = { ...node, operatingSystem: '', kubeletVersion: 'v1.37.0' };
    assertLocalhost(deliveryOf({ ...facts, nodes: [unnamed] }), /kubelet v1\.37\.0/);
  });

  it('is by a Localhost profile while something is not known', () => {
    assertLocalhost(deliveryOf({ ...facts, field: undefined }), /API server does not have/);
    assertLocalhost(deliveryOf({ ...facts, nodes: undefined }), /nodes are not known/);
    assertLocalhost(deliveryOf({ ...facts, nodes: [] }), /no nodes/);
    assertLocalhost(deliveryOf({ ...facts, namespaceLabels: undefined }), /labels/);
  });

  it('heeds Pod Security, which refuses the type in restricted namespaces before 1.41', () => {
    for (const serverMinor of [38, Number.NaN]) {
      assertLocalhost(deliveryOf({ ...facts, namespaceLabels: restricted, serverMinor }), /restricted/);
    }
    assert.equal(deliveryOf({ ...facts, namespaceLabels: restricted, serverMinor: 41 }).type, 'OCI');
    const baseline = new Map([['pod-security.kubernetes.io/enforce', 'baseline']]);
    assert.equal(deliveryOf({ ...facts, namespaceLabels: baseline }).type, 'OCI');
  });
});

describe('a pod that gets its artifact by the type OCI', () => {
  const known = { ociField: () => 'ref' as const };
  const values = (spec: object, binding: Binding = nginx): unknown[] => {
    const outcome = bindPod(parsePod({ metadata, spec }), contextOf([binding], known));
    assert.equal(outcome.outcome, 'bound');
    return outcome.outcome === 'bound'
      ? outcome.patch.flatMap((operation) =>
          operation.op === 'add' && operation.path.startsWith('/spec') ? operation.value : [],
        )
      : [];
  };
  const native = { type: 'OCI', oci: { ref: reference } };
  const containers = [{ name: 'app' }];

  it('names it in the pod and in its containers, with a base if it asks for one', () => {
    assert.deepEqual(values({ containers }), [{ seccompProfile: native }, { seccompProfile: native }]);
    const securityContext = { seccompProfile: { type: 'RuntimeDefault' } };
    const based = { type: 'OCI', oci: { ref: reference, baseProfile: { type: 'RuntimeDefault' } } };
    assert.deepEqual(values({ securityContext, containers }), [based, { seccompProfile: based }]);
    const file = { ...nginx, parameters: { base: { localhost: 'team/base.json' } } } as const;
    const baseProfile = { type: 'Localhost', localhostProfile: 'team/base.json' };
    const withFile = { type: 'OCI', oci: { ref: reference, baseProfile } };
    assert.deepEqual(values({ containers }, file)[0], { seccompProfile: withFile });
  });

  it('names it as a Localhost profile with mode Log, which the type does not support', () => {
    const logged = { ...nginx, parameters: { mode: 'Log' } } as const;
    const localhost = { type: 'Localhost', localhostProfile: `${profile}?mode=log` };
    assert.deepEqual(values({ containers }, logged)[0], { seccompProfile: localhost });
  });

  it('is admitted with it, and is covered, only where it is written', () => {
    const securityContext = { seccompProfile: native };
    const pod = parsePod({ metadata, spec: { securityContext, containers: [{ name: 'app', securityContext }] } });
    const demanding = { namespaceLabels: () => new Map([['fairlead.dev/enforce', 'enforce']]) };
    const here = contextOf([nginx], { ...known, ...demanding });
    assert.equal(checkPod(pod, here).outcome, 'untouched');
    assert.equal(enforceCoverage(pod, undefined, here), undefined);
    const elsewhere = contextOf([nginx], demanding);
    assert.equal(checkPod(pod, elsewhere).outcome, 'refused');
    assert.equal(enforceCoverage(pod, undefined, elsewhere)?.outcome, 'refused');
  });
});
