import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parse } from 'yaml';
import { allResources } from '../api/resources.ts';
import { crdText } from './crd-text.ts';

it('a CustomResourceDefinition is the same in YAML 1.1, which Kubernetes reads, and in YAML 1.2', () => {
  // Without quotes, 1.1 reads the string off as false.
  for (const resource of allResources) {
    const text = crdText(resource);
    assert.deepEqual(parse(text, { version: '1.1' }), parse(text), resource.plural);
  }
});
