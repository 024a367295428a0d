import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { peer } from '#test/peers/peer';
import { PodmanWorld, podmanRequirements } from '#test/peers/podman';
import { describePeers } from '#test/peers/require';
import { root } from '#test/support/cli/package';
import { buildTestImage, imageVersion, testPrograms } from '#test/support/release/image';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const image = `localhost/fairlead:${imageVersion}`;

describePeers([...podmanRequirements, 'dpkg-deb'], 'the image in podman', () => {
  let world: PodmanWorld;
  before(async () => {
    world = await PodmanWorld.start();
    const archive = await buildTestImage(join(world.directory, 'image'), await testPrograms(world.directory));
    copyFileSync(archive, join(world.directory, 'fairlead-image.tar'));
  });
  after(() => world.stop());

  it('is loaded and run as the guide describes', async () => {
    const guide = readFileSync(join(root, 'docs/guides/install.md'), 'utf8').replaceAll(
      `:${version}`,
      `:${imageVersion}`,
    );
    const commands = [...guide.matchAll(/^\| (?:load|run) it[^|]* \| `(podman [^`]+)` \|$/gm)].map(
      ([, line = '']) => line,
    );
    assert.equal(commands.length, 2);
    for (const command of commands)
      assert.match(await world.output('sh', ['-c', command]), /^Loaded image|^fairlead +\d/);
    assert.equal(await world.podman('image', 'inspect', '--format', '{{.Config.User}}', image), '65532:65532');
  });

  for (const user of ['65532:65532', '4711:0']) {
    it(`is healthy without a shell, as user ${user}, on a read-only root`, async () => {
      const check = JSON.stringify(['fairlead', 'healthcheck', 'http://127.0.0.1:8082/readyz']);
      const safe = ['--read-only', '--cap-drop', 'all', '--security-opt', 'no-new-privileges', '--user', user];
      const options = ['--detach', ...safe, '--health-cmd', check, '--tmpfs', '/data:mode=1777'];
      const ports = ['--push', '0.0.0.0:8080', '--pull', '0.0.0.0:8081', '--health', '127.0.0.1:8082'];
      const id = await world.podman('run', ...options, image, 'serve', '--embedded', '/data/fairlead', ...ports);
      for (let tries = 0; (await world.run(peer('podman'), ['healthcheck', 'run', id])).code !== 0; tries++) {
        assert.ok(tries < 50, await world.podman('logs', id));
        await sleep(200);
      }
      await world.podman('stop', '--time', '5', id);
      assert.equal(await world.podman('inspect', '--format', '{{.State.ExitCode}}', id), '0');
      assert.notEqual((await world.run(peer('podman'), ['healthcheck', 'run', id])).code, 0);
    });
  }
});
