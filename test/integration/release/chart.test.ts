import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { exampleImage, helm, readManifests, rendered } from '#test/support/helm/chart';
import manifest from '../../../package.json' with { type: 'json' };
import { buildChart } from '../../../tools/release/chart.ts';

const { version } = manifest;
const files = [`fairlead-chart-${version}.tgz`, 'fairlead-chart.tar'];

describePeers(['docker-registry', 'helm'], 'the chart of a release', () => {
  let home: string;
  let registry: Registry;
  const build = async (name: string): Promise<string> => {
    const [directory, work] = [join(home, name), join(home, `${name}-work`)];
    for (const each of [directory, work]) mkdirSync(each);
    await buildChart({ version, commit: 'c'.repeat(40), epoch: 1_700_000_000, directory, work });
    return directory;
  };
  let built: string;
  before(async () => {
    home = mkdtempSync(join(tmpdir(), 'fairlead-chart-'));
    registry = await startRegistry();
    built = await build('first');
  });
  after(async () => {
    await registry?.stop();
    rmSync(home, { recursive: true });
  });
  const objectsOf = async (...chart: readonly string[]) =>
    readManifests(succeeded(await helm(['template', 'fairlead', ...chart], exampleImage, home)));

  it('is the same bytes from two builds', async () => {
    const again = await build('second');
    for (const file of files) assert.ok(readFileSync(join(built, file)).equals(readFileSync(join(again, file))), file);
  });

  it('installs the same objects as the directory, from the file and from a registry', async () => {
    const expected = await rendered();
    assert.deepEqual(await objectsOf(join(built, files[0] ?? '')), expected);
    const name = `${registry.host}/charts/fairlead`;
    succeeded(await runFairlead(['load', join(built, files[1] ?? ''), name]));
    assert.deepEqual(await objectsOf(`oci://${name}`, '--version', version, '--plain-http'), expected);
  });
});
