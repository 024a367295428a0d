import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fetchArtifact } from '#lib/artifact/fetch-artifact';
import { mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { artifactOf, from, limits } from '#test/support/stored-artifacts';
import { openStore } from './store.ts';

describe('a store that is disturbed', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-store-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('is consistent after SIGKILL at any moment', async () => {
    const script = `
      import { openStore } from '#lib/node/store/store';
      import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
      const store = await openStore(process.argv[1]);
      void store.check();
      for (let round = 0; ; round++) await Promise.all(Array.from({ length: 10 }, (_, i) => {
        const layer = blob('a/b', Buffer.from([round, i, Math.random()].join(' ').repeat(5000)));
        const config = blob('c/d', Buffer.from('{}'));
        const artifact = assembleArtifact({ schemaVersion: 2, mediaType: '${mediaTypes.manifest}', config: config.descriptor, layers: [layer.descriptor] }, [config, layer]);
        const put = store.put({ artifact, kind: 'Seccomp', repository: 'localhost:5000/x', signatures: [] });
        return Promise.all([put.then(() => process.stdout.write('.')), store.effective.put(layer.bytes)]);
      }));`;
    let kept = 0;
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script, directory], {
        cwd: join(import.meta.dirname, '../../..'),
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const enough = kept + 1 + round * 4;
      child.stdout.setEncoding('latin1').on('data', (puts: string) => {
        kept += puts.length;
        if (kept >= enough) child.kill('SIGKILL');
      });
      assert.deepEqual(await once(child, 'close'), [null, 'SIGKILL']);
      const store = await openStore(directory, { log: assert.fail });
      await store.check();
      for (const { descriptor } of await store.list()) {
        for await (const bytes of await store.fetcher.fetch(descriptor))
          assert.equal(digestOf(bytes), descriptor.digest);
      }
      assert.ok((await store.list()).length >= kept, 'what was kept once stays');
      kept = (await store.list()).length;
      await store.close();
    }
  });

  it('leaves nothing half-written where it cannot write, and says what to do', async () => {
    const store = await openStore(directory);
    await rm(join(directory, 'tmp'), { recursive: true });
    await writeFile(join(directory, 'tmp'), 'a file in its place');
    await assert.rejects(store.put(from(artifactOf('x'))), { kind: 'Internal', hint: /state directory/ });
    assert.deepEqual(await readdir(join(directory, 'artifacts')), []);
    assert.deepEqual(await store.list(), []);
    await store.close();
  });

  it('makes what was removed under it again', async () => {
    const store = await openStore(directory);
    const artifact = artifactOf('x');
    const { digest } = artifact.descriptor;
    await store.put(from(artifact));
    await rm(directory, { recursive: true });
    await assert.rejects(store.fetcher.fetch(artifact.descriptor), { kind: 'NotFound' });
    await store.put(from(artifact));
    await store.uses.put('container', { artifacts: [digest] });
    const path = await store.effective.put(Buffer.from('{}'));
    assert.equal(await readFile(path, 'utf8'), '{}');
    assert.deepEqual((await store.uses.of(async () => new Set(['container']))).artifacts, new Set([digest]));
    assert.equal((await stat(directory)).mode & 0o077, 0);
    await rm(join(directory, 'uses'), { recursive: true });
    await rm(join(directory, 'effective'), { recursive: true });
    assert.equal((await store.uses.of(async () => new Set(['container']))).artifacts.size, 0);
    await store.effective.dropOld();
    await store.close();
  });

  it('takes nothing from a note that a power failure has left empty or cut', async () => {
    const store = await openStore(directory);
    const note = join(directory, 'uses', 'container');
    for (const text of ['', 'sha256:12', '\0\0\0']) {
      await writeFile(note, text);
      const { artifacts, appArmor } = await store.uses.of(async () => new Set(['container']));
      assert.deepEqual([artifacts.size, appArmor.size], [0, 0], text);
    }
    const digest = digestOf(Buffer.from('x'));
    await store.uses.put('container', { artifacts: [digest], appArmor: 'fairlead/1' });
    const { artifacts, appArmor } = await store.uses.of(async () => new Set(['container']));
    assert.deepEqual([[...artifacts], [...appArmor]], [[digest], ['fairlead/1']]);
    const record = {
      time: '2026-01-02T03:04:05Z',
      kind: 'Seccomp',
      reference: 'a.example/b',
      rule: '**',
      signers: ['x\ny'],
    };
    const applied = [{ ...record, installed: '/state/effective/x.json', constrained: { baseline: 2 } }];
    await store.uses.put('container', { artifacts: [digest], applied });
    const whole = { artifacts: [digest], appArmor: undefined, applied };
    assert.deepEqual((await store.uses.list()).get('container'), whole);
    await truncate(note, (await stat(note)).size - 1);
    assert.deepEqual((await store.uses.list()).get('container'), { artifacts: [digest], appArmor: undefined });
    await rm(join(directory, 'uses', 'container'));
    await mkdir(join(directory, 'uses', 'container'));
    await assert.rejects(store.uses.list(), /EISDIR/, 'a note that cannot be read is not an empty one');
    await store.close();
  });

  it('opens in spite of what no store has put there, and drops it', async () => {
    await (await openStore(directory)).close();
    await mkdir(join(directory, 'effective', 'directory'));
    await mkdir(join(directory, 'artifacts', 'directory'));
    await writeFile(join(directory, 'blobs', 'file'), '');
    const said: string[] = [];
    const store = await openStore(directory, { log: (message) => said.push(message) });
    await store.check();
    assert.equal(said.length, 2, said.join());
    assert.deepEqual(await readdir(join(directory, 'effective')), []);
    assert.deepEqual((await readdir(join(directory, 'blobs'))).sort(), ['sha256', 'sha384', 'sha512']);
    await store.close();
  });

  const notRoot = process.getuid?.() === 0 ? false : 'mounting a small file system needs root';
  it('names the directory where that cannot be used', { skip: notRoot }, async () => {
    const mount = (options: string) =>
      execFileSync('mount', ['-t', 'tmpfs', '-o', `mode=711,${options}`, 'tmpfs', directory]);
    for (const step of [() => mount('ro'), () => execFileSync('mount', ['-o', 'remount,ro', directory])]) {
      step();
      const opened = openStore(directory);
      await assert
        .rejects(opened, { kind: 'InvalidInput', message: /state directory/, hint: /read-only/ })
        .finally(() => execFileSync('umount', [directory]));
      mount('size=256k');
      await (await openStore(directory)).close();
    }
    execFileSync('umount', [directory]);
  });

  it('drops nothing because too many files are open', { timeout: 60_000 }, async () => {
    const first = await openStore(directory);
    for (let n = 0; n < 20; n++) await first.put(from(artifactOf(`profile ${n}`)));
    await first.close();
    // For any number of files that the process can still open, it has all artifacts, or reports
    // that it cannot open the store.
    const script = `
      import { closeSync, openSync } from 'node:fs';
      import { openStore } from '#lib/node/store/store';
      const [, directory] = process.argv;
      await (await openStore(directory)).close(); // what is loaded late needs files too
      const open = [];
      for (;;) {
        try {
          open.push(openSync('/dev/null'));
        } catch {
          break;
        }
      }
      const outcomes = [];
      for (let free = 1; free <= 30; free++) {
        closeSync(open.pop());
        const count = async (store) => {
          try {
            await store.check();
            return (await store.list()).length;
          } finally {
            await store.close();
          }
        };
        outcomes.push(await openStore(directory).then(count, ({ kind, cause }) => [kind, cause?.code]));
      }
      for (const file of open) closeSync(file);
      console.log(JSON.stringify(outcomes));`;
    const shell = 'ulimit -n 100; exec "$0" --input-type=module-typescript -e "$1" "$2"';
    const root = join(import.meta.dirname, '../../..');
    const printed = execFileSync('bash', ['-c', shell, process.execPath, script, directory], { cwd: root });
    const outcomes: unknown[] = JSON.parse(printed.toString());
    assert.ok(outcomes.includes(20), JSON.stringify(outcomes));
    for (const outcome of outcomes) {
      if (outcome !== 20) assert.notEqual(typeof outcome, 'number', JSON.stringify(outcomes));
    }
    assert.ok(outcomes.some((outcome) => Array.isArray(outcome) && outcome[1] === 'EMFILE'));
    assert.equal((await readdir(join(directory, 'artifacts'))).length, 20);
  });

  it('leaves what the disk does not give for now, and its blobs', { skip: notRoot }, async () => {
    const [kept, other] = [artifactOf('kept'), artifactOf('other')];
    const first = await openStore(directory);
    await first.put(from(kept));
    await first.put(from(other));
    await first.close();
    const record = join(directory, 'artifacts', `${kept.descriptor.digest.slice(7)}.json`);
    // The memory of a process cannot be read at 0: EIO, as of a disk.
    execFileSync('mount', ['--bind', `/proc/${process.pid}/mem`, record]);
    const log: string[] = [];
    try {
      const store = await openStore(directory, { log: (line) => log.push(line) });
      assert.deepEqual(
        (await store.list()).map(({ descriptor }) => descriptor.digest),
        [other.descriptor.digest],
      );
      await store.check();
      assert.equal(log.length, 1);
      execFileSync('umount', [record]);
      // Known again as soon as it can be read.
      assert.ok(store.get(kept.descriptor.digest));
      await store.check();
      assert.equal((await store.list()).length, 2);
      await store.close();
    } finally {
      spawnSync('umount', [record]);
    }
    assert.equal(log.length, 1);
    assert.match(log[0] ?? '', /left as it is and not used, since it cannot be read: EIO/);
    const second = await openStore(directory);
    assert.deepEqual(
      Buffer.from((await fetchArtifact(second.fetcher, kept.descriptor, limits)).blobs[1]?.bytes ?? []),
      Buffer.from('kept'),
    );
    assert.equal((await second.list()).length, 2);
    await second.close();
  });

  it('survives a full disk', { skip: notRoot }, async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=711', 'tmpfs', directory]);
    try {
      const store = await openStore(directory);
      await assert.rejects(store.put(from(artifactOf('large'.repeat(100_000)))), { kind: 'LimitExceeded' });
      assert.deepEqual(await readdir(join(directory, 'blobs', 'sha256')), []);
      await store.put(from(artifactOf('small')));
      await assert.rejects(store.put(from(artifactOf('large'.repeat(100_000)))), {
        kind: 'LimitExceeded',
        hint: /Free some space/,
      });
      await assert.rejects(store.effective.put(Buffer.alloc(500_000)), { kind: 'LimitExceeded' });
      await store.put(from(artifactOf('small too')));
      await store.close();
      const again = await openStore(directory, { log: assert.fail });
      await again.check();
      assert.equal((await again.list()).length, 2);
      assert.deepEqual(await readdir(join(directory, 'tmp')), []);
      assert.deepEqual(await readdir(join(directory, 'effective')), []);
      await again.close();
    } finally {
      execFileSync('umount', [directory]);
    }
  });

  it('is opened on a full disk, with what it has', { skip: notRoot }, async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=711', 'tmpfs', directory]);
    try {
      const artifact = artifactOf('small');
      const first = await openStore(directory);
      await first.put(from(artifact));
      await first.close();
      assert.throws(() => {
        for (;;) appendFileSync(join(directory, 'filler'), Buffer.alloc(4096));
      }, /ENOSPC/);
      const store = await openStore(directory, { log: assert.fail });
      await assert.rejects(openStore(directory), { kind: 'Conflict' });
      await store.check();
      await fetchArtifact(store.fetcher, artifact.descriptor, limits);
      await store.close();
    } finally {
      execFileSync('umount', [directory]);
    }
  });
});
