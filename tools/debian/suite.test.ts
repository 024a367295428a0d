import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, it } from 'node:test';
import { describePeers } from '#test/peers/require';
import { runStep } from './step.ts';
import { openSuite } from './suite.ts';

describePeers(['apt-get'], 'openSuite', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-suite-'));
    await mkdir(join(folder, 'suite'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const open = (mirror: string): Promise<void> =>
    runStep('a suite', { log: join(folder, 'log'), temp: join(folder, 'temp') }, async ({ run }) => {
      await openSuite({ archives: [{ mirror, suite: 'trixie' }] }, join(folder, 'suite'), run);
    });

  it('rejects if an archive is unreachable: what it has, such as security updates, would be missed', async () => {
    await assert.rejects(open('http://127.0.0.1:1/debian'), /apt-get .* update -q ended with 100/);
  });

  it('rejects an archive whose lists are not signed by Debian', async () => {
    const release = [
      'Suite: trixie',
      'Codename: trixie',
      `Date: ${new Date().toUTCString()}`,
      'Architectures: amd64 arm64',
      'Components: main',
      'SHA256:',
      '',
    ].join('\n');
    const server = createServer(({ url }, response) => {
      if (url?.endsWith('/Release')) response.end(release);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}/debian`;
      await assert.rejects(open(mirror), /not signed/);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
