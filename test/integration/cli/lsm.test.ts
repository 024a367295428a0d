import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { KernelLoader } from '#lib/node/install/apparmor/kernel-loader';
import { launcher } from '#test/support/cli/run';

it('fairlead lsm warns at its start if this machine has no AppArmor', async () => {
  const missing: unknown = await new KernelLoader().requireAppArmor().catch((error: unknown) => error);
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-lsm-'));
  const child = spawn(process.execPath, [launcher, 'lsm', '--listen', `unix://${join(directory, 'lsm.sock')}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const warnings: Record<string, unknown>[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      const record = JSON.parse(line) as Record<string, unknown>;
      if (record['level'] === 40) warnings.push(record);
      if (record['msg'] === 'listening') child.kill('SIGTERM');
    }
    if (child.exitCode === null) await once(child, 'exit');
    assert.equal(child.exitCode, 0);
    assert.deepEqual(
      warnings.map(({ messageId, msg, hint }) => ({ messageId, msg, hint })),
      missing instanceof Error && 'hint' in missing
        ? [
            {
              messageId: 'fairlead.apparmor.missing',
              msg: `no profile can be loaded: ${missing.message}`,
              hint: missing.hint,
            },
          ]
        : [],
    );
  } finally {
    child.kill('SIGKILL');
    await rm(directory, { recursive: true });
  }
});
