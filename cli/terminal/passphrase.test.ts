import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launcher } from '#test/support/cli/run';

/**
 * Runs fairlead on a terminal, which `script` of util-linux makes, and types a line whenever it
 * asks.
 */
function type(
  cwd: string,
  lines: readonly string[],
  args: readonly string[],
): Promise<{ code: number | null; shown: string }> {
  const command = [process.execPath, launcher, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: cwd, NO_COLOR: '1', SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const left = [...lines];
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    if (text.trimEnd().endsWith(':')) child.stdin.write(`${left.shift() ?? ''}\r`);
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, shown })));
}

describe('the passphrase, typed at a terminal', () => {
  let cwd = '';
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-terminal-'));
  });
  after(() => rm(cwd, { recursive: true }));

  it('is typed twice for a new key, never shown, and opens the key', async () => {
    const made = await type(cwd, ['open\u007fn sesame', 'open sesame'], ['keygen', '--prefix', 'typed']);
    assert.equal(made.code, 0, made.shown);
    assert.doesNotMatch(made.shown, /sesame/);
    assert.match(await readFile(join(cwd, 'typed.key'), 'utf8'), /ENCRYPTED/);
    const profile = fileURLToPath(new URL('../../examples/nginx.json', import.meta.url));
    const push = ['push', profile, 'localhost/nginx:1', '--key', 'typed.key', '--oci-layout', 'registry'];
    assert.equal((await type(cwd, ['open sesame'], push)).code, 0);
    assert.equal((await type(cwd, ['open says me'], push)).code, 2);
  });

  it('generates no key if the two differ', async () => {
    const { code, shown } = await type(cwd, ['one', 'other'], ['keygen', '--prefix', 'none']);
    assert.equal(code, 2);
    assert.match(shown, /the passphrases differ/);
    assert.deepEqual(
      (await readdir(cwd)).filter((name) => name.startsWith('none')),
      [],
    );
  });
});
