import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { allResources } from '#operator/api/resources';
import { crdText } from '#operator/crds/crd-text';
import { assertGenerated } from '#test/support/generated';
import { apiIndex, apiReference, pageOf } from '../../tools/api-reference.ts';

const root = new URL('../../', import.meta.url);
const files = (directory: string) => readdirSync(new URL(directory, root)).toSorted();

describe('what is generated from the schemas of the APIs', () => {
  it('deploy/operator/crds has a CustomResourceDefinition for each API', () => {
    for (const resource of allResources)
      assertGenerated(`deploy/operator/crds/${resource.plural}.yaml`, crdText(resource));
    assert.deepEqual(files('deploy/operator/crds'), allResources.map(({ plural }) => `${plural}.yaml`).toSorted());
  });

  it('docs/reference/api has a page for each API', () => {
    assertGenerated('docs/reference/api/README.md', apiIndex(allResources));
    for (const resource of allResources)
      assertGenerated(`docs/reference/api/${pageOf(resource)}`, apiReference(resource));
    assert.deepEqual(files('docs/reference/api'), ['README.md', ...allResources.map(pageOf)].toSorted());
  });

  it('every field is described, and every deprecated one says what replaces it', () => {
    for (const resource of allResources) {
      const page = readFileSync(new URL(`docs/reference/api/${pageOf(resource)}`, root), 'utf8');
      for (const row of page.split('\n').filter((line) => line.startsWith('| `'))) {
        assert.match(row, /\| [^|]*\w[^|]* \|$/, `${resource.kind}: ${row}`);
        if (/deprecated/i.test(row)) assert.match(row, /Write \w|the spelling/, `${resource.kind}: ${row}`);
      }
    }
  });
});
