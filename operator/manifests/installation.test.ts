import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { allResources } from '../api/resources.ts';
import { type InstallationPart, installation, installationParts } from './installation.ts';
import { manifestFiles } from './manifest-files.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

const read = (text: string): Manifest[] => parseAllDocuments(text).map((document) => document.toJS() as Manifest);
const nameOf = ({ kind, metadata }: Manifest) => `${kind} ${metadata.name}`;

describe('installation', () => {
  it('has every object of deploy/operator that is for all clusters, and every API, once', () => {
    const { 'network-policy.yaml': policy, 'namespace-webhook.yaml': webhook, ...files } = manifestFiles();
    assert.ok(policy !== undefined && webhook !== undefined);
    const objects = Object.values(files).flatMap(read);
    const apis = allResources.map(({ group, plural }) => `CustomResourceDefinition ${plural}.${group}`);
    const names = read(installation({})).map(nameOf);
    assert.ok(objects.length > 10);
    assert.deepEqual(names.toSorted(), [...objects.map(nameOf), ...apis].toSorted());
  });

  it('has what is needed before what needs it, and ends with the webhooks', () => {
    const kinds = read(installation({})).map(({ kind }) => kind);
    const apis = kinds.filter((kind) => kind === 'CustomResourceDefinition');
    assert.deepEqual(kinds.slice(0, apis.length + 1), [...apis, 'Namespace']);
    const deployed = kinds.indexOf('Deployment');
    assert.ok(kinds.slice(deployed + 1).length > 0);
    assert.ok(kinds.slice(deployed + 1).every((kind) => kind.endsWith('WebhookConfiguration')));
  });

  it('has only the parts that are asked for', () => {
    const kinds = (parts: readonly InstallationPart[]) => read(installation({ parts })).map(({ kind }) => kind);
    assert.deepEqual(kinds(['crds']), Array(allResources.length).fill('CustomResourceDefinition'));
    assert.ok(kinds(['webhooks']).every((kind) => kind.endsWith('WebhookConfiguration')));
    assert.deepEqual([...kinds(['crds']), ...kinds(['operator']), ...kinds(['webhooks'])], kinds(installationParts));
    assert.equal(installation({ parts: ['crds', 'operator', 'webhooks'] }), installation({}));
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
    assert.equal(installation({ parts: ['operator'] }, files), 'kind: Namespace\n---\n# Why.\nkind: B # here\n');
  });
});
