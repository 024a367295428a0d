import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readmeSteps } from '#test/support/cli/readme';
import { runFairlead, succeeded } from '#test/support/cli/run';

const root = new URL('../../../', import.meta.url);

describe('README.md', () => {
  let cwd = '';
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-readme-'));
  });
  after(() => rm(cwd, { recursive: true }));

  it('has commands that lead from a profile to one that its policy allows, without a registry', async () => {
    await copyFile(new URL('examples/nginx.json', root), join(cwd, 'nginx.json'));
    const { commands, policy, reference } = readmeSteps();
    const inFolder = ['--oci-layout', './registry'];
    for (const [, ...args] of commands.map((line) => line.split(' ')))
      succeeded(await runFairlead([...args, ...(args[0] === 'keygen' ? [] : inFolder)], { cwd }));
    await writeFile(join(cwd, 'policy.yaml'), policy);
    succeeded(await runFairlead(['verify', reference, '--policy', 'policy.yaml', ...inFolder], { cwd }));
  });
});
