import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { resources } from '../api/resources.ts';
import { installation } from './installation.ts';
import { manifestFiles } from './manifest-files.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

const read = (text: string): Manifest[] => parseAllDocuments(text).map((document) => document.toJS() as Manifest);
const nameOf = ({ kind, metadata }: Manifest) => `${kind} ${metadata.name}`;

describe('installation', () => {
  it('has every object of deploy/operator and every API once', () => {
    const files = Object.values(manifestFiles()).flatMap(read);
    const apis = resources.map(
      ({ plural }) => `CustomResourceDefinition ${plural}.security-profiles-operator.x-k8s.io`,
    );
    const names = read(installation({})).map(nameOf);
    assert.ok(files.length > 10);
    assert.deepEqual(names.toSorted(), [...files.map(nameOf), ...apis].toSorted());
  });

  it('begins with the namespace and the APIs, and ends with the webhooks', () => {
    const kinds = read(installation({})).map(({ kind }) => kind);
    const apis = kinds.filter((kind) => kind === 'CustomResourceDefinition');
    assert.deepEqual(kinds.slice(0, 1 + apis.length), ['Namespace', ...apis]);
    const deployed = kinds.indexOf('Deployment');
    assert.ok(kinds.slice(deployed + 1).length > 0);
    assert.ok(kinds.slice(deployed + 1).every((kind) => kind.endsWith('WebhookConfiguration')));
  });

  it('has only the APIs if asked', () => {
    const kinds = read(installation({ crds: true })).map(({ kind }) => kind);
    assert.deepEqual(kinds, Array(resources.length + 1).fill('CustomResourceDefinition'));
  });

  it('names the given image, and changes nothing else', () => {
    const image = `ghcr.io/acme/fairlead:1$&@sha256:${'a'.repeat(64)}`;
    const lines = installation({ image }).split('\n');
    const changed = installation({})
      .split('\n')
      .flatMap((line, at) => (line === lines[at] ? [] : [lines[at]?.trim()]));
    assert.deepEqual(changed, [`image: ${image}`]);
  });

  it('keeps comments, and leaves out what is only a comment', () => {
    const files = { 'a.yaml': '# only a comment\n---\n# Why.\nkind: B # here\n---\nkind: Namespace\n' };
    const [first = '', second = ''] = installation({}, files)
      .split('---\n')
      .filter((each) => !each.includes('x-k8s.io'));
    assert.deepEqual(
      [first, second].map((each) => each.split('\n')[0]),
      ['kind: Namespace', '# Why.'],
    );
  });
});
