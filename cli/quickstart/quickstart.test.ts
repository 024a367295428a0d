import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runFairlead } from '#test/cli/run';

describe('fairlead quickstart', () => {
  it('walks the whole path without server, root or network, and removes what it made', async () => {
    const temporary = await mkdtemp(join(tmpdir(), 'fairlead-test-'));
    try {
      const { code, stdout, stderr } = await runFairlead(['quickstart'], { env: { TMPDIR: temporary } });
      assert.equal(stderr, '');
      assert.equal(code, 0);
      const digest = /^ +reference +localhost\/security\/nginx@(sha256:[0-9a-f]{64})$/m.exec(stdout)?.[1];
      assert.ok(digest);
      assert.match(stdout, new RegExp(`resolved +localhost/security/nginx:1\\.27 is ${digest}`));
      assert.match(stdout, /effective +sha256:/);
      assert.match(
        stdout,
        /constrained +\d+ times by the runtime's default(.|\n)*clone: SCMP_ACT_ALLOW becomes .*SCMP_ACT_ERRNO/,
      );
      assert.match(stdout, /takes away +\d+ of the \d+ system calls .*chmod/);
      assert.match(stdout, /refused .* is not signed/);
      assert.match(stdout, /refused .* does not allow Seccomp profiles from registry\.example\.com/);
      assert.equal(stdout.includes('\u001b'), false, 'NO_COLOR was set');
      assert.deepEqual(await readdir(temporary), []);
    } finally {
      await rm(temporary, { recursive: true });
    }
  });

  it('prints commands that work on the files that it keeps', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fairlead-test-'));
    try {
      const { stdout } = await runFairlead(['quickstart', '--folder', folder]);
      const commands = [...stdout.matchAll(/^ {3}\$ fairlead ((?:push|pull) \S.*)$/gm)].map(([, line = '']) => line);
      const codes: (number | null)[] = [];
      for (const command of commands.filter((line) => !line.endsWith('--help'))) {
        codes.push((await runFairlead(command.split(' '), { cwd: folder })).code);
      }
      // Published, pulled, published without a signature, refused for that, refused for its name.
      assert.deepEqual(codes, [0, 0, 0, 5, 4]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
