import { it } from 'node:test';
import { failed, runFairlead } from '#test/support/cli/run';

it('a missing directory for temporary files is an error that names TMPDIR', async () => {
  const finished = await runFairlead(['quickstart'], { env: { TMPDIR: '/nonexistent' } });
  failed(finished, 2, /^error: cannot create a temporary directory in \/nonexistent\n.*\nhint: Set TMPDIR /);
});
