import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { normalize } from 'node:path';
import { it } from 'node:test';
import { belongingFiles } from './program-files.ts';

it('packages and archives have each file of the operator that deploy/README.md uses', async () => {
  const readme = readFileSync(new URL('../../deploy/README.md', import.meta.url), 'utf8');
  const used = new Set(Array.from(readme.matchAll(/\$files\/([\w./-]*\w)/g), ([, name = '']) => name));
  assert.ok(used.has('network-policy.yaml') && used.has('certificate.sh'));
  const packed = (await belongingFiles({ version: '0.1.0', epoch: 0 })).map(({ path }) => path);
  for (const name of used) assert.ok(packed.includes(`share/doc/fairlead/examples/operator/${name}`), name);
});

it('packages and archives have what the guide to nodes publishes and installs', async () => {
  const packed = (await belongingFiles({ version: '0.1.0', epoch: 0 })).map(({ path }) => path);
  for (const name of [
    'nginx.json',
    'apparmor-nginx.json',
    'monitoring/alerts.yaml',
    'monitoring/grafana-dashboard.json',
  ]) {
    assert.ok(packed.includes(`share/doc/fairlead/examples/${name}`), name);
  }
});

it('packages and archives have each profile of the project that serve --seed publishes', async () => {
  const packed = (await belongingFiles({ version: '0.1.0', epoch: 0 })).map(({ path }) => path);
  const project = readFileSync(new URL('../../examples/catalog/fairlead.yaml', import.meta.url), 'utf8');
  const files = Array.from(project.matchAll(/- file: (\S+)/g), ([, file = '']) => file);
  assert.ok(files.length > 20);
  for (const file of files) {
    assert.ok(packed.includes(normalize(`share/doc/fairlead/examples/catalog/${file}`)), file);
  }
  assert.ok(packed.includes('share/doc/fairlead/examples/catalog/fairlead.yaml'));
});
