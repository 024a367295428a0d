import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { generateKeyPair } from '#lib/trust/key';
import { noMetrics } from './metrics.ts';
import { followPolicy } from './policy-source.ts';
import type { ShimLog } from './shim-log.ts';

const head = 'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\n';
const nothing = (): void => undefined;
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing } as ShimLog;

describe('policy source', () => {
  it('does not go back to older files that took longer to read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fairlead-policy-'));
    const [policy, key] = [join(folder, 'policy.yaml'), join(folder, 'slow.pub')];
    await writeFile(policy, `${head}rules: []\n`);
    const source = await followPolicy(policy, { log, metrics: noMetrics });
    execFileSync('mkfifo', [key]);
    for (const content of [(await generateKeyPair()).publicKey, 'no key']) {
      await writeFile(policy, `${head}rules:\n  - {match: "**", require: [{key: slow.pub}]}\n`);
      const slow = source.reload();
      const pipe = await open(key, 'w'); // waits for its reader
      await writeFile(policy, `${head}rules: []\nlimits: {entriesPerSyscall: 7}\n`);
      await source.reload();
      await pipe.writeFile(content);
      await pipe.close();
      await slow;
      assert.deepEqual(source.current.rules, []);
      assert.equal(source.current.limits.entriesPerSyscall, 7);
    }
    source.stop();
    await rm(folder, { recursive: true });
  });
});
