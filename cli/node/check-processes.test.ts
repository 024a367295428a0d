import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { NodeCheck, NodeParts } from './check.ts';
import { checkBaseline, checkRuntime, checkShim } from './check-processes.ts';

describe('checks of the processes of a node', () => {
  let parts: NodeParts;
  before(() => {
    const root = mkdtempSync(join(tmpdir(), 'fairlead-doctor-'));
    const socket = (name: string): string => `unix://${root}/${name}.sock`;
    parts = {
      ...{ root, socket: socket('admin'), listen: socket('shim'), runtime: socket('runtime'), lsm: socket('lsm') },
      ...{ policy: `${root}/policy.yaml`, state: `${root}/state` },
    };
  });
  after(() => rmSync(parts.root, { recursive: true }));
  const lineOf = ({ result, seen, hint = '' }: NodeCheck): string => `${result}: ${seen} | ${hint}`;

  it('name the socket on which no shim answers, and how to start one', async () => {
    assert.match(
      lineOf(await checkShim(parts)),
      /^failed: no shim answers on unix:.*admin\.sock \| Start it: systemctl start fairlead-shim\. Without .*--admin/,
    );
  });

  it('name the socket on which no runtime answers, and the option for another one', async () => {
    for (const check of [checkRuntime, checkBaseline]) {
      assert.match(
        lineOf(await check(parts)),
        /^failed: .* did not answer .*: connect ENOENT .*runtime\.sock \| Start .*, or specify its socket with --runtime/,
      );
    }
  });
});
