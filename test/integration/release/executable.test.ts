import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { describePeers } from '#test/peers/require';
import { buildProgram } from '#test/support/release/program';
import manifest from '../../../package.json' with { type: 'json' };

describePeers(['x86_64-linux-gnu-strip', 'aarch64-linux-gnu-strip', 'root'], 'the executable', () => {
  let directory: string;
  let program: string;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'fairlead-executable-'));
    program = await buildProgram(directory);
  });
  after(() => rmSync(directory, { recursive: true }));

  it('runs where /proc is not mounted, as in a root that is being installed', () => {
    // Without /proc the program does not know its own path.
    const script = 'umount --lazy --recursive /proc && PATH=$1:$PATH && exec fairlead --version';
    const printed = execFileSync('unshare', ['--mount', 'sh', '-c', script, 'sh', join(program, '..')], {
      encoding: 'utf8',
    });
    assert.equal(printed, `${manifest.version}\n`);
  });
});
