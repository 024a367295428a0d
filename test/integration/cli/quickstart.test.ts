import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { after, before, it } from 'node:test';
import { type Containerd, containerdRequirements, startContainerd } from '#test/peers/containerd';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { runFairlead } from '#test/support/cli/run';
import { connectCri } from '#test/support/cri/client';

describePeers(containerdRequirements, 'fairlead quickstart --containerd', () => {
  let containerd: Containerd;
  before(async () => {
    containerd = await startContainerd();
  });
  after(() => containerd.stop());

  const quickstart = (...args: string[]) =>
    runFairlead(['quickstart', '--containerd', containerd.socket, ...args], {
      env: { PATH: `${dirname(peer('ctr'))}:${process.env['PATH']}` },
    });

  it('runs a container in which the kernel refuses chmod, and cleans up', async () => {
    const images = containerd.ctr('images', 'list', '--quiet');
    const { code, stdout, stderr } = await quickstart();
    assert.equal(stderr, '');
    assert.equal(code, 0);
    assert.match(stdout, /runtime +containerd /);
    assert.match(stdout, /refused +.*CreateContainer with status \d+: .*no such file/);
    assert.match(stdout, /allowed +echo hello > \/tmp\/file/);
    assert.match(stdout, /refused +chmod 700 \/tmp\/file: chmod: .*Operation not permitted/);
    assert.equal(containerd.ctr('images', 'list', '--quiet'), images);
    assert.equal(containerd.ctr('containers', 'list', '--quiet'), '');
  });

  it('runs an image that the runtime has, and reports one that it does not have', async () => {
    const [image = ''] = containerd
      .ctr('images', 'list', '--quiet')
      .split('\n')
      .filter((name) => name.includes('busybox'));
    assert.equal((await quickstart('--image', image)).code, 0);
    const missing = await quickstart('--image', 'localhost/no/such:1');
    assert.notEqual(missing.code, 0);
    assert.match(missing.stderr, /the runtime has no image localhost\/no\/such:1/);
    assert.doesNotMatch(missing.stdout, /Without the shim/);
    assert.equal(containerd.ctr('containers', 'list', '--quiet'), '');
  });

  it('replaces a sandbox image that the runtime cannot pull, and removes the replacement', async () => {
    const listed = () =>
      containerd
        .ctr('images', 'list', '--quiet')
        .split('\n')
        .filter((name) => !name.startsWith('sha256:'));
    const before = listed();
    const pause = before.find((name) => name.includes('pause')) ?? '';
    const cri = connectCri(containerd.socket);
    await cri.removeImage({ image: { image: pause } });
    cri.close();
    const { code, stdout, stderr } = await quickstart();
    assert.equal(stderr, '');
    assert.equal(code, 0);
    assert.ok(stdout.includes(`cannot pull its sandbox image ${pause}. A busybox image replaces it`));
    assert.deepEqual(
      listed(),
      before.filter((name) => name !== pause),
    );
  });
});
