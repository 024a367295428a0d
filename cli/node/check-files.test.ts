import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { NodeCheck, NodeParts } from './check.ts';
import { checkPolicy, checkState } from './check-files.ts';

const head = 'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\n';
const notRoot = process.getuid?.() === 0 ? false : 'mounting a small file system needs root';

describe('checks of the files of a node', () => {
  let directory: string;
  let parts: NodeParts;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'fairlead-doctor-'));
    parts = { policy: join(directory, 'policy.yaml'), state: join(directory, 'state') } as NodeParts;
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const resultOf = async (check: Promise<NodeCheck>) => {
    const { result, seen, hint = '' } = await check;
    return `${result}: ${seen} | ${hint}`;
  };
  const policy = (text: string) => {
    writeFileSync(parts.policy, `${head}${text}`);
    return resultOf(checkPolicy(parts));
  };

  it('find a policy that allows nothing, and one that others can change', async () => {
    assert.match(await resultOf(checkPolicy(parts)), /^failed: .*policy\.yaml does not exist \| Create it/);
    assert.match(await policy('rules: []\n'), /^warning: .*has no rule, and allows nothing \| Add a rule/);
    assert.match(await policy('rules: [{match: "**", unsigned: true}]\n'), /^ok: .*: 1 rule, [0-9a-f]{64} \| $/);
    chmodSync(parts.policy, 0o666);
    assert.match(await resultOf(checkPolicy(parts)), /^failed: .*can change.* \| .*chmod go-w/);
  });

  it('find a state directory that others can read or change', async () => {
    assert.match(await resultOf(checkState(parts)), /^warning: .*state does not exist \| The shim makes it/);
    mkdirSync(parts.state, { mode: 0o700 });
    assert.match(await resultOf(checkState(parts)), /^ok: .*state: mode 0700, \d+ MiB free/);
    chmodSync(parts.state, 0o755);
    assert.match(await resultOf(checkState(parts)), /^warning: .*mode 0755.* \| .*chmod 0700 .*state$/);
    chmodSync(parts.state, 0o777);
    assert.match(await resultOf(checkState(parts)), /^failed: .*can change.* \| .*chmod go-w/);
  });

  it('find a disk that is full, or nearly', { skip: notRoot }, async () => {
    mkdirSync(parts.state);
    for (const [size, result] of [
      ['8m', 'failed'],
      ['64m', 'warning'],
    ] as const) {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', parts.state]);
      const found = await resultOf(checkState(parts));
      execFileSync('umount', [parts.state]);
      assert.match(found, new RegExp(`^${result}: .* MiB free \\| Free space: fairlead node gc`));
    }
  });
});
