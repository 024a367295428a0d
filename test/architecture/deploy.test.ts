import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { installation } from '#operator/manifests/installation';
import { assertGenerated } from '#test/support/generated';
import manifest from '../../package.json' with { type: 'json' };
import { chart, chartValues } from '../../tools/deploy/chart.ts';
import { kustomization } from '../../tools/deploy/kustomization.ts';

const directory = 'deploy/chart/fairlead';
const written = ['values.schema.json', 'values.yaml'];
const writtenTemplates = ['NOTES.txt', 'certificate.yaml', 'policy.yaml', 'refused-values.yaml'];
const root = new URL('../../', import.meta.url);

it('deploy/operator/kustomization.yaml lists the files of an installation', () => {
  assertGenerated('deploy/operator/kustomization.yaml', kustomization());
});

it('deploy/install.yaml is what fairlead operator manifests prints', () => {
  assertGenerated('deploy/install.yaml', installation({}));
});

describe('the chart in deploy/chart/fairlead', () => {
  it('has a template for each file of deploy/operator, and no other file that is not written by hand', () => {
    const files = chart(manifest);
    for (const [path, text] of Object.entries(files)) assertGenerated(`${directory}/${path}`, text);
    const found = readdirSync(new URL(directory, root), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => `${parentPath}/${name}`.split(`${directory}/`)[1]);
    const byHand = [...written, ...writtenTemplates.map((name) => `templates/${name}`)];
    assert.deepEqual(found.toSorted(), [...Object.keys(files), ...byHand].toSorted());
  });

  it('has by default the values of deploy/operator/deployment.yaml', () => {
    const path = `${directory}/values.yaml`;
    assertGenerated(path, chartValues(readFileSync(new URL(path, root), 'utf8')));
  });
});
