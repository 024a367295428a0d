import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { finishFolder, temporaryFolder } from './program.ts';

type Ran = { readonly status: number | null; readonly stdout: string };

/**
 * Runs a suite that needs cosign, in a process that has no test peers; `FAIRLEAD_PEERS` as told.
 */
function runWithoutPeers(FAIRLEAD_PEERS: string): Ran {
  const folder = temporaryFolder('require');
  return runSuite(folder, 'cosign', { FAIRLEAD_PEERS, FAIRLEAD_PEERS_DIR: path.join(folder, 'nothing') });
}

/** Runs a suite that needs a peer. */
function runSuite(folder: string, needs: string, settings: Readonly<Record<string, string>>): Ran {
  finishFolder(folder);
  const file = path.join(folder, 'suite.test.mjs');
  const module = JSON.stringify(path.join(import.meta.dirname, 'require.ts'));
  writeFileSync(
    file,
    `import { it } from 'node:test';
     import { describePeers } from ${module};
     describePeers(['${needs}'], 'signing', () => it('signs', () => console.log('signed')));`,
  );
  const env = { ...process.env, ...settings };
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

  it('runs no suite on another API server than the one in KUBEBUILDER_ASSETS', () => {
    const folder = temporaryFolder('assets');
    const [peers, assets] = [path.join(folder, 'peers'), path.join(folder, 'assets')];
    for (const directory of [path.join(peers, 'kube-apiserver'), assets]) mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(peers, 'kube-apiserver/kube-apiserver'), '', { mode: 0o755 });
    const ran = (settings: Readonly<Record<string, string>>) =>
      runSuite(folder, 'kube-apiserver', { FAIRLEAD_PEERS: '', FAIRLEAD_PEERS_DIR: peers, ...settings }).stdout;
    assert.match(ran({ KUBEBUILDER_ASSETS: '' }), /signed/);
    const without = ran({ KUBEBUILDER_ASSETS: assets });
    assert.doesNotMatch(without, /signed/);
    assert.ok(without.includes(`# SKIP KUBEBUILDER_ASSETS (${assets}) has no kube-apiserver`), without);
    writeFileSync(path.join(assets, 'kube-apiserver'), '', { mode: 0o755 });
    assert.match(ran({ KUBEBUILDER_ASSETS: assets }), /signed/);
  });
});
