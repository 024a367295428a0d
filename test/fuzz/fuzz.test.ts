import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '#test/cli/run';

const program = fileURLToPath(new URL('./index.ts', import.meta.url));

describe('npm run fuzz', () => {
  it('tries every fuzzer, for the time that it is given', async () => {
    const { code, stdout, stderr } = await run(process.execPath, [program, '4']);
    assert.deepEqual([code, stderr], [0, '']);
    for (const name of ['readers', 'seccomp', 'apparmor', 'selinux']) {
      assert.match(stdout, new RegExp(`^${name}: .*[1-9][0-9]* inputs`, 'm'));
    }
  });

  it('wants a number of seconds', async () => {
    assert.equal((await run(process.execPath, [program, 'soon'])).code, 2);
  });
});
