import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ownEnvironment, root } from '#test/support/cli/package';
import { failed, run } from '#test/support/cli/run';

/** Builds for minutes if it begins: these tests are about what comes before, and what stays. */
describe('npm run release', { timeout: 120_000 }, () => {
  let directory: string;
  let checkout: string;
  let temporary: string;
  const git = (args: readonly string[], cwd: string): string => execFileSync('git', args, { cwd, encoding: 'utf8' });

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'fairlead-release-command-'));
    checkout = join(directory, 'a checkout');
    temporary = join(directory, 'temporary');
    mkdirSync(temporary);
    for (const name of git(['ls-files', '-z', '--cached', '--others', '--exclude-standard'], root).split('\0')) {
      if (name !== '') cpSync(join(root, name), join(checkout, name));
    }
    git(['init', '--quiet'], checkout);
    writeFileSync(join(checkout, '.git/info/exclude'), '/node_modules\n');
    git(['add', '.'], checkout);
    git(['-c', 'user.name=a', '-c', 'user.email=a@b.example', 'commit', '--quiet', '-m', 'all'], checkout);
    symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'));
    mkdirSync(join(checkout, 'release'));
    writeFileSync(join(checkout, 'release/SHA256SUMS'), 'of the release before');
  });
  after(() => rmSync(directory, { recursive: true }));

  const program = ['tools/release/index.ts'];
  const env = (): Record<string, string> => ({ ...ownEnvironment(), TMPDIR: temporary, NO_COLOR: '1' });

  function nothingChanged(): void {
    assert.equal(readFileSync(join(checkout, 'release/SHA256SUMS'), 'utf8'), 'of the release before');
    assert.deepEqual(
      readdirSync(checkout).filter((name) => name.startsWith('release.')),
      [],
    );
    assert.deepEqual(readdirSync(temporary), []);
  }

  it('begins nothing if it could not sign', async () => {
    const keys = { ...env(), FAIRLEAD_RELEASE_KEY: join(directory, 'none.key') };
    const finished = await run(process.execPath, program, { cwd: checkout, env: keys });
    failed(finished, 2, /^error: cannot read \S*none\.key\n.*\nhint: /);
    nothingChanged();
  });

  it('begins nothing with changes that no commit contains', async () => {
    writeFileSync(join(checkout, 'new.ts'), '');
    const finished = await run(process.execPath, program, { cwd: checkout, env: env() });
    rmSync(join(checkout, 'new.ts'));
    failed(finished, 2, /^error: the checkout has changes that no commit contains: new\.ts\nhint: Commit them/);
    nothingChanged();
  });

  it('leaves the release before and no other file if it is ended', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const child = spawn(process.execPath, program, {
        cwd: checkout,
        env: env(),
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data'); // the first step
      child.kill(signal);
      assert.deepEqual(await once(child, 'exit'), [1, null]);
      nothingChanged();
    }
  });
});
