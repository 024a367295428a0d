import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { KernelLoader, type LoadLimits } from '#lib/node/install/apparmor/kernel-loader';
import { renderForNode } from '#lib/node/install/apparmor/render';
import { intersectAppArmor } from '#lib/profile/apparmor/intersect';
import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import { anyProfile } from '#test/oracle/apparmor-arbitrary';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { FakeNode } from '#test/support/node/fake-node';

const { signal } = new AbortController();
const nothing = { readOnlyPaths: [], writeOnlyPaths: [], readWritePaths: [] };

/** Takes seconds and more than 256 MiB to compile. */
const expensive: AppArmorProfile = {
  mode: 'Enforce',
  filesystem: {
    ...nothing,
    readOnlyPaths: Array.from({ length: 12 }, (_, index) => `/**${index}**a**b${index}**c**`),
  },
};

describePeers(['apparmor_parser'], 'the loader of AppArmor profiles, with the parser of this machine', () => {
  let node: FakeNode;
  before(() => {
    node = new FakeNode(mkdtempSync(join(tmpdir(), 'fairlead-lsm-')));
    // The kernel of this machine may have no AppArmor.
    node.write('sbin/apparmor_parser', `#!/bin/sh\nexec '${peer('apparmor_parser')}' -Q "$@"\n`, 0o755);
  });
  after(() => rmSync(node.root, { recursive: true }));

  const loader = (limits: Partial<LoadLimits> = {}): KernelLoader => new KernelLoader({ root: node.root, limits });

  it('loads the intersection of any profiles', async () => {
    await fc.assert(
      fc.asyncProperty(anyProfile, anyProfile, async (...profiles) =>
        loader().load(renderForNode(intersectAppArmor(profiles).profile), signal),
      ),
      { numRuns: 40 },
    );
  });

  it('loads a profile of 3,000 paths', async () => {
    const paths = Array.from({ length: 3000 }, (_, index) => `/srv/data-${index}/{a,b}/*.conf`);
    const profile: AppArmorProfile = { mode: 'Enforce', filesystem: { ...nothing, readOnlyPaths: paths } };
    await loader().load(renderForNode(profile), signal);
  });

  for (const [what, limits] of Object.entries({
    memory: { memory: 64 * 1024 },
    'time of the processor': { processor: 1, memory: 8 * 1024 * 1024 },
    time: { deadline: 300, memory: 8 * 1024 * 1024 },
  })) {
    it(`refuses a profile that takes too much ${what}, and goes on`, async () => {
      const limited = loader(limits);
      await assert.rejects(limited.load(renderForNode(expensive), signal), {
        kind: 'LimitExceeded',
        message: /too expensive/,
      });
      await limited.load(renderForNode({ mode: 'Enforce' }), signal);
    });
  }
});
