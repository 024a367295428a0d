import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runFairlead, succeeded } from '#test/support/cli/run';

const root = new URL('../../../', import.meta.url);

describe('README.md', () => {
  let cwd = '';
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-readme-'));
  });
  after(() => rm(cwd, { recursive: true }));

  it('has commands that lead from a profile to one that its policy allows, without a registry', async () => {
    const text = await readFile(new URL('README.md', root), 'utf8');
    const [, publish = ''] = text.split('## Publish from CI');
    assert.match(publish, /^cp examples\/nginx\.json \./m);
    await copyFile(new URL('examples/nginx.json', root), join(cwd, 'nginx.json'));
    const commands = [...publish.matchAll(/^npx fairlead (.*?) *(?:#.*)?$/gm)].map(([, line = '']) => line.split(' '));
    assert.deepEqual(
      commands.map(([command]) => command),
      ['keygen', 'push', 'verify'],
    );
    const inFolder = ['--oci-layout', './registry'];
    for (const args of commands)
      succeeded(await runFairlead([...args, ...(args[0] === 'keygen' ? [] : inFolder)], { cwd }));

    const [policy = ''] = /^apiVersion: fairlead\.dev\/v1\nkind: TrustPolicy\n.*?(?=```)/ms.exec(text) ?? [];
    await writeFile(join(cwd, 'policy.yaml'), policy);
    const reference = 'registry.example.com/security/nginx:1.27';
    succeeded(await runFairlead(['verify', reference, '--policy', 'policy.yaml', ...inFolder], { cwd }));
  });
});
