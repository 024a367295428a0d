import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { busyboxReference, makeImages } from './image.ts';
import { peer } from './peer.ts';
import { PodmanWorld, podmanRequirements } from './podman.ts';
import { finishFolder, temporaryFolder } from './program.ts';
import { startRegistry } from './registry.ts';
import { describePeers } from './require.ts';

const image = busyboxReference;

/** Loads the image of busybox. */
async function loadBusybox(world: PodmanWorld): Promise<void> {
  const [busybox] = await makeImages();
  const archive = path.join(world.directory, 'busybox.tar');
  writeFileSync(archive, busybox?.archive ?? '');
  await world.podman('load', '--quiet', '--input', archive);
}

/** Returns the processes of this machine that sleep for `seconds`. */
function sleepers(seconds: number): string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(`sleep\0${seconds}\0`);
    } catch {
      return false;
    }
  });
}

/** Waits until some process, or none, sleeps for `seconds`. */
async function waitForSleepers(seconds: number, some: boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; sleepers(seconds).length > 0 !== some; await sleep(20)) {
    assert.ok(Date.now() < deadline, `${sleepers(seconds).length} processes sleep for ${seconds} s`);
  }
}

/** Returns the cgroups of a container, in any hierarchy. */
function cgroupsOf(id: string): string {
  return execFileSync('find', ['/sys/fs/cgroup', '-name', `*${id}*`], { encoding: 'utf8' });
}

/** A number that no other process sleeps for. */
const unique = (): number => 100_000_000 + Math.floor(Math.random() * 100_000_000);

describePeers([...podmanRequirements, 'docker-registry', 'busybox'], 'podman in a world of its own', () => {
  let world: PodmanWorld;
  before(async () => {
    world = await PodmanWorld.start();
    await loadBusybox(world);
  });
  after(() => world.stop());

  it('runs a container as another user with a read-only root', async () => {
    const options = ['--rm', '--user', '65532:65532', '--read-only', '--cap-drop', 'all'];
    const printed = await world.podman('run', ...options, image, 'sh', '-c', 'id -u; ulimit -n; touch /x || echo no');
    assert.equal(printed, '65532\n1024\nno');
  });

  it('says what failed, with what podman printed', async () => {
    await assert.rejects(
      world.podman('run', '--rm', image, 'sh', '-c', 'echo out of cheese; exit 3'),
      /podman run .* ended with 3\nout of cheese\n/,
    );
  });

  it('reaches nothing outside, not even a registry on this machine', async () => {
    const registry = await startRegistry();
    try {
      const ended = await world.run(peer('curl'), ['--silent', '--show-error', `http://${registry.host}/v2/`]);
      assert.equal(ended.code, 7, ended.stderr);
      assert.equal((await fetch(`http://${registry.host}/v2/`)).status, 200);
    } finally {
      await registry.stop();
    }
    assert.equal(await world.output('ip', ['route', 'show', 'default']), '');
  });

  it('builds a Dockerfile on an image with a digest', async () => {
    const context = path.join(world.directory, 'context');
    mkdirSync(context);
    writeFileSync(path.join(context, 'greeting'), 'hello\n');
    const dockerfile = path.join(context, 'Dockerfile');
    writeFileSync(dockerfile, 'ARG BASE\nFROM $BASE\nCOPY greeting /\nRUN echo again >> /greeting\nUSER 65532:65532\n');
    const digest = await world.podman('image', 'inspect', '--format', '{{.Digest}}', image);
    const args = { BASE: `${image.replace(/:1$/, '')}@${digest}` };
    await world.build({ dockerfile, context, tag: 'localhost/built:1', args });
    assert.equal(
      await world.podman('run', '--rm', 'localhost/built:1', 'sh', '-c', 'cat /greeting; id -u'),
      'hello\nagain\n65532',
    );
    const none = world.build({
      dockerfile,
      context,
      tag: 'localhost/built:2',
      args: { BASE: args.BASE.replace(/.{8}$/, '00000000') },
    });
    await assert.rejects(none, /buildah build .* ended with/);
  });

  it('is apart from another world, which has the same names and ports', async () => {
    const other = await PodmanWorld.start();
    try {
      await loadBusybox(other);
      for (const [name, each] of [
        ['one', world],
        ['two', other],
      ] as const) {
        const serve = `mkdir /www; echo ${name} > /www/name; exec httpd -f -p 80 -h /www`;
        await each.podman('run', '-d', '--name', 'web', '-p', '127.0.0.1:8080:80', image, 'sh', '-c', serve);
      }
      const get = ['--silent', '--fail', '--retry', '5', '--retry-connrefused', 'http://127.0.0.1:8080/name'];
      assert.equal(await world.output(peer('curl'), get), 'one');
      assert.equal(await other.output(peer('curl'), get), 'two');
      assert.equal(await other.podman('ps', '--quiet').then((ids) => ids.split('\n').length), 1);
    } finally {
      await other.stop();
    }
    assert.equal(await world.podman('ps', '--format', '{{.Names}}'), 'web');
  });

  it('runs a compose file, in which services find each other by name', async () => {
    const cwd = path.join(world.directory, 'project');
    mkdirSync(cwd);
    const services = {
      web: {
        image,
        init: true,
        command: ['sh', '-c', 'mkdir /www; echo hello > /www/name; exec httpd -f -p 80 -h /www'],
      },
      client: {
        image,
        init: true,
        command: ['sh', '-c', 'until wget -q -O- http://web/name; do sleep 1; done; exec sleep 1000'],
      },
    };
    writeFileSync(path.join(cwd, 'docker-compose.yml'), JSON.stringify({ name: 'project', services }));
    await world.output(peer('podman-compose'), ['up', '-d'], { cwd });
    for (let tries = 0; (await world.podman('logs', 'project_client_1')) !== 'hello'; tries++) {
      assert.ok(tries < 50, await world.podman('logs', 'project_client_1'));
      await sleep(200);
    }
    await world.output(peer('podman-compose'), ['down', '--volumes'], { cwd });
    assert.equal(await world.podman('ps', '--all', '--quiet', '--filter', 'name=project'), '');
  });

  it('ends its containers when it is stopped, and removes their cgroups', async () => {
    const seconds = unique();
    const short = await PodmanWorld.start();
    let id = 'none';
    try {
      await loadBusybox(short);
      id = await short.podman('run', '-d', image, 'sleep', String(seconds));
      // The container is started before the program in it.
      await waitForSleepers(seconds, true);
      assert.notEqual(cgroupsOf(id), '');
    } finally {
      await short.stop();
    }
    assert.deepEqual(sleepers(seconds), []);
    assert.equal(cgroupsOf(id), '');
  });

  it('ends its containers when the process that started it is killed', async () => {
    const seconds = unique();
    const folder = temporaryFolder('podman-killed');
    finishFolder(folder);
    const script = path.join(folder, 'killed.mts');
    const module = (name: string): string => JSON.stringify(path.join(import.meta.dirname, name));
    writeFileSync(
      script,
      `import { PodmanWorld } from ${module('podman.ts')};
       const world = await PodmanWorld.start();
       await world.podman('load', '--quiet', '--input', '${world.directory}/busybox.tar');
       console.log(await world.podman('run', '-d', '${image}', 'sleep', '${seconds}'));
       await world.run('sleep', ['1000']);`,
    );
    const child = spawn(process.execPath, [script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TMPDIR: folder },
    });
    const [id] = await once(child.stdout.setEncoding('utf8'), 'data');
    await waitForSleepers(seconds, true);
    child.kill('SIGKILL');
    await waitForSleepers(seconds, false);
    // A killed test leaves its cgroups, without processes; the next start of the machine ends them.
    execFileSync('find', ['/sys/fs/cgroup', '-depth', '-name', `*${id.trim()}*`, '-exec', 'rmdir', '{}', ';']);
  });
});
