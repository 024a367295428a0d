import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTrustingObject, trustPatch } from './trust-patch.ts';

const definition = (annotations: Record<string, string>, strategy = 'Webhook') =>
  parseTrustingObject({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'a', uid: 'u', resourceVersion: '1', annotations },
    spec: { conversion: { strategy, webhook: { clientConfig: { caBundle: 'old' } } } },
  });

describe('trustPatch', () => {
  it('writes the bundle where another one is', () => {
    assert.deepEqual(trustPatch(definition({}), 'new'), [
      { op: 'test', path: '/spec/conversion/strategy', value: 'Webhook' },
      { op: 'add', path: '/spec/conversion/webhook/clientConfig/caBundle', value: 'new' },
    ]);
    assert.deepEqual(trustPatch(definition({}), 'old'), []);
  });

  it('removes what another injector left on the object, and no other annotation', () => {
    const left = { 'cert-manager.io/inject-ca-from': 'security-profiles-operator/webhook-cert', note: 'a' };
    assert.deepEqual(trustPatch(definition(left), 'old'), [
      {
        op: 'test',
        path: '/metadata/annotations/cert-manager.io~1inject-ca-from',
        value: 'security-profiles-operator/webhook-cert',
      },
      { op: 'remove', path: '/metadata/annotations/cert-manager.io~1inject-ca-from' },
    ]);
    assert.equal(trustPatch(definition({ 'service.beta.openshift.io/inject-cabundle': 'true' }), 'new').length, 4);
  });

  it('leaves an object without webhooks alone', () => {
    assert.deepEqual(trustPatch(definition({ 'cert-manager.io/inject-ca-from': 'a/b' }, 'None'), 'new'), []);
  });
});
