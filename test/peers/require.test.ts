import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { finishFolder, temporaryFolder } from './program.ts';

/**
 * Runs a suite that needs cosign, in a process that has no test peers; `FAIRLEAD_PEERS` as told.
 */
function runWithoutPeers(FAIRLEAD_PEERS: string): { status: number | null; stdout: string } {
  const folder = temporaryFolder('require');
  finishFolder(folder);
  const file = path.join(folder, 'suite.test.mjs');
  const module = JSON.stringify(path.join(import.meta.dirname, 'require.ts'));
  writeFileSync(
    file,
    `import { it } from 'node:test';
     import { describePeers } from ${module};
     describePeers(['cosign'], 'signing', () => it('signs', () => console.log('signed')));`,
  );
  const env = { ...process.env, FAIRLEAD_PEERS, FAIRLEAD_PEERS_DIR: path.join(folder, 'nothing') };
  // a variable of the runner would make the child report in the runner's own format
  const { NODE_TEST_CONTEXT: _, ...plain } = env as NodeJS.ProcessEnv;
  return spawnSync(process.execPath, ['--test-reporter=tap', file], { env: plain, encoding: 'utf8' });
}

describe('describePeers', () => {
  it('lists a suite without its peers as skipped, with the command that installs them', () => {
    const { status, stdout } = runWithoutPeers('');
    assert.equal(status, 0);
    assert.match(stdout, /# Subtest: signing/);
    assert.match(stdout, /# SKIP missing test peers: cosign; install them as root with: npm run peers:install/);
    assert.match(stdout, /# skipped 1/);
    assert.doesNotMatch(stdout, /signed/);
  });

  it('fails it where peers are required', () => {
    const { status, stdout } = runWithoutPeers('required');
    assert.equal(status, 1);
    assert.match(stdout, /not ok .* has its peers/);
    assert.match(stdout, /missing test peers: cosign; install them as root with: npm run peers:install/);
  });
});
