import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { describePeers } from './require.ts';

const script = fileURLToPath(new URL('start.ts', import.meta.url));

describePeers(['docker-registry'], 'npm run peers:start', () => {
  it('starts the peers that it is given, and stops them on SIGINT', async () => {
    const child = spawn(process.execPath, [script, 'registry'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let host: string | undefined;
    for await (const line of createInterface(child.stdout)) {
      host = /^registry +(\S+)$/.exec(line)?.[1];
      break;
    }
    assert.equal((await fetch(`http://${host}/v2/`)).status, 200);
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    await assert.rejects(fetch(`http://${host}/v2/`));
  });
});

it('npm run peers:start names the peers that it can start', () => {
  for (const names of [[], ['docker']]) {
    const { status, stderr } = spawnSync(process.execPath, [script, ...names], { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.match(stderr, /usage: .* registry \| containerd \| apiserver/);
  }
});
