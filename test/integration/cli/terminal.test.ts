import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { layoutRepository } from '#lib/registry/layout/repository';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { runAtTerminal, type Session } from '#test/support/cli/terminal';
import { startFaultProxy } from '#test/support/faults/tcp-proxy';

const user = { username: 'ann', password: 'correct horse' };
const name = 'User name for ';
const password = 'Password or token of ann: ';

describePeers(['docker-registry', 'script'], 'fairlead at a terminal', () => {
  let registry: Registry;
  let home: string;
  before(async () => {
    registry = await startRegistry({ user });
    home = await mkdtemp(join(tmpdir(), 'fairlead-terminal-'));
  });
  after(async () => {
    await registry.stop();
    await rm(home, { recursive: true });
  });
  const login = (...answers: [string, string][]) =>
    runAtTerminal(['login', registry.host], { answers, env: { HOME: home } });
  const kept = () => readFile(join(home, '.docker/config.json'), 'utf8');
  const showsNoPassword = ({ screen }: Session) => assert.doesNotMatch(screen, /horse/);

  it('stores no password that the registry refuses', async () => {
    const session = await login([name, 'ann\r'], [password, 'wrong horse\r']);
    assert.equal(session.code, 6, session.screen);
    assert.match(session.screen, /ann/);
    showsNoPassword(session);
    assert.equal(session.restored, true);
    await assert.rejects(kept(), { code: 'ENOENT' });
  });

  for (const [question, answers] of [
    ['user name', [[name, 'an\u0003']]],
    [
      'password',
      [
        [name, 'ann\r'],
        [password, 'correct ho\u0003'],
      ],
    ],
  ] as [string, [string, string][]][]) {
    it(`ends at Ctrl-C while it asks for the ${question}, and restores the terminal`, async () => {
      const session = await login(...answers);
      assert.equal(session.code, 130, session.screen);
      assert.doesNotMatch(session.screen, /correct|error|defect/);
      assert.equal(session.restored, true);
      await assert.rejects(kept(), { code: 'ENOENT' });
    });
  }

  it('treats the end of input as an empty answer', async () => {
    const session = await login([name, '\u0004'], [password.replace('ann', ''), '\u0004']);
    assert.equal(session.code, 2, session.screen);
    assert.match(session.screen, /must not be empty/);
    assert.equal(session.restored, true);
  });

  it('asks for name and password, allows corrections, and shows no password', async () => {
    const session = await login(
      [name, 'bob\u007f\u007f\u007fanna\u007f\r'],
      [password, 'nonsense\u0015correct horsf\u007fe\r'],
    );
    assert.equal(session.code, 0, session.screen);
    showsNoPassword(session);
    assert.equal(session.restored, true);
    assert.match(await kept(), new RegExp(registry.host));
    const { stdout } = await runFairlead(['ls', registry.host], { env: { HOME: home } });
    assert.equal(stdout.trim(), '');
    assert.equal((await runFairlead(['logout', registry.host], { env: { HOME: home } })).code, 0);
  });

  it('shows no password that is pasted together with the name', async () => {
    for (const lineEnd of ['\r', '\n', '\r\n']) {
      const session = await login([name, `ann${lineEnd}correct horse${lineEnd}`]);
      assert.equal(session.code, 0, session.screen);
      showsNoPassword(session);
    }
  });

  it('wraps the help at the width of the terminal, at most at 120 columns, and not elsewhere', async () => {
    const widest = (text: string): number =>
      Math.max(
        ...text.split(/\r?\n/).map((line) => (/^ {2}(?:#|fairlead| )|^Usage/.test(line) ? 0 : line.trimEnd().length)),
      );
    for (const [columns, least, most] of [
      [80, 70, 80],
      [100, 90, 100],
      [200, 110, 120],
      [0, 70, 80],
    ] as const) {
      const { screen } = await runAtTerminal(['push', '--help'], { columns });
      const width = widest(screen);
      assert.ok(width >= least && width <= most, `${width} of ${columns} columns: ${screen}`);
    }
    const { stdout } = await runFairlead(['push', '--help']);
    assert.ok(widest(stdout) > 200, stdout);
  });

  it('uses colors as the terminal and the environment want', async () => {
    const args = ['inspect', 'nothing'];
    const red = '\u001b[31merror:';
    const colored = async (env: Record<string, string>): Promise<boolean> =>
      (await runAtTerminal(args, { env: { TERM: 'xterm', ...env } })).screen.includes(red);
    assert.equal(await colored({ NO_COLOR: '' }), true);
    assert.equal(await colored({ NO_COLOR: '1' }), false);
    assert.equal(await colored({ NO_COLOR: '', TERM: 'dumb' }), false);
    const elsewhere = async (env: Record<string, string>) => (await runFairlead(args, { env })).stderr.startsWith(red);
    assert.equal(await elsewhere({ NO_COLOR: '' }), false);
    assert.equal(await elsewhere({ NO_COLOR: '', FORCE_COLOR: '1' }), true);
  });

  it('shows progress at a terminal that can, and in no log of a CI system', async () => {
    const cwd = await mkdtemp(join(tmpdir(), 'fairlead-progress-'));
    const profile = '{"defaultAction": "SCMP_ACT_ERRNO"}';
    await writeFile(join(cwd, 'nginx.json'), profile);
    const layout = ['--oci-layout', 'layout', '--unsigned'];
    await runFairlead(['push', 'nginx.json', 'localhost/a:1', ...layout], { cwd });
    const args = ['copy', 'localhost/a:1', 'localhost/b', '--from-oci-layout', 'layout', '--to-oci-layout'];
    const shows = async (to: string, env: Record<string, string>, ...more: string[]): Promise<boolean> =>
      /sent {5}sha256:/.test(
        (await runAtTerminal([...args, to, ...more], { cwd, env: { TERM: 'xterm', ...env } })).screen,
      );
    assert.equal(await shows('one', {}), true);
    assert.equal(await shows('two', { CI: 'true' }), false);
    assert.equal(await shows('three', { TERM: 'dumb' }), false);
    assert.equal(await shows('four', {}, '--quiet'), false);
    await rm(cwd, { recursive: true });
  });

  it('asks nothing in a CI system, at a terminal either', async () => {
    const session = await runAtTerminal(['login', registry.host], { env: { HOME: home, CI: 'true' } });
    assert.equal(session.code, 2, session.screen);
    assert.match(session.screen, /no terminal to prompt for the password/);
  });

  it('asks for a passphrase twice, and generates no key if they differ', async () => {
    const choose = (again: string) =>
      runAtTerminal(['keygen', '--prefix', 'made'], {
        answers: [
          ['assphrase', 'correct horse\r'],
          ['Repeat the passphrase: ', `${again}\r`],
        ],
        env: { HOME: home },
        cwd: home,
      });
    const differing = await choose('wrong horse');
    assert.equal(differing.code, 2, differing.screen);
    showsNoPassword(differing);
    await assert.rejects(readFile(join(home, 'made.key')), { code: 'ENOENT' });
    const session = await choose('correct horse');
    assert.equal(session.code, 0, session.screen);
    showsNoPassword(session);
    assert.match(await readFile(join(home, 'made.key'), 'utf8'), /ENCRYPTED/);
  });

  it('asks before it deletes, and deletes nothing unless the answer is yes', async () => {
    await writeFile(join(home, 'nginx.json'), '{"defaultAction": "SCMP_ACT_ERRNO"}');
    const layout = ['--oci-layout', join(home, 'layout')];
    const push = ['push', join(home, 'nginx.json'), 'localhost/nginx:1', '--unsigned', ...layout, '--output', 'json'];
    const { digest } = JSON.parse(succeeded(await runFairlead(push)));
    const answer = (keys: string) =>
      runAtTerminal(['delete', `localhost/nginx:1@${digest}`, ...layout], {
        answers: [['[y/N] ', keys]],
        env: { HOME: home },
      });
    for (const keys of ['\r', 'n\r', 'yesterday\r']) {
      const session = await answer(keys);
      assert.equal(session.code, 2, session.screen);
      assert.match(session.screen, new RegExp(`artifact {3}localhost/nginx:1@${digest}`));
      assert.match(session.screen, /nothing was deleted/);
    }
    const interrupted = await answer('\u0003');
    assert.equal(interrupted.code, 130, interrupted.screen);
    succeeded(await runFairlead(['inspect', 'localhost/nginx:1', ...layout]));
    const session = await answer('y\r');
    assert.equal(session.code, 0, session.screen);
    assert.match(session.screen, /deleted {4}1 manifest/);
    assert.equal(session.screen.match(/artifact {3}/g)?.length, 1, session.screen);
  });

  it('shows how much of a large blob is copied, in one line, and leaves no trace of it', async (t) => {
    const slow = await startRegistry();
    t.after(() => slow.stop());
    const proxy = await startFaultProxy(slow.port);
    t.after(() => proxy.stop());
    proxy.set({ latency: 4 });
    const layer = Buffer.alloc(24_000_000, 'layer');
    const source = layoutRepository(join(home, 'large'), 'localhost/large');
    const config = { mediaType: mediaTypes.emptyConfig, digest: digestOf(emptyConfigBytes), size: 2 };
    const descriptor = { mediaType: 'application/octet-stream', digest: digestOf(layer), size: layer.length };
    const manifest = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [descriptor] }),
    );
    const image = { mediaType: mediaTypes.manifest, digest: digestOf(manifest), size: manifest.length };
    await source.push(config, emptyConfigBytes);
    await source.push(descriptor, layer);
    await source.push(image, manifest);
    await source.tag(image, '1');
    const copy = (to: string) => [
      'copy',
      'localhost/large:1',
      `${proxy.host}/${to}`,
      '--from-oci-layout',
      join(home, 'large'),
    ];
    const shown = await runAtTerminal(copy('shown'), { answers: [], env: { HOME: home } });
    assert.equal(shown.code, 0, shown.screen);
    const erase = '\r\u001b[K';
    const line = new RegExp(
      `\\r\\u001b\\[Ksending  ${descriptor.digest.slice(0, 19)}…  [0-9.]+ of 24\\.0 MB, [0-9]+ %`,
    );
    assert.match(shown.screen, line);
    assert.match(shown.screen, new RegExp(`\\r\\u001b\\[Ksent {5}${descriptor.digest}  24000000 bytes`));
    assert.doesNotMatch(shown.screen.split('copied ').at(-1) ?? '', /sending/);

    for (const [to, args, env] of [
      ['quiet', ['--quiet'], {}],
      ['ci', [], { CI: 'true' }],
    ] as const) {
      const hidden = await runAtTerminal([...copy(to), ...args], { answers: [], env: { HOME: home, ...env } });
      assert.equal(hidden.code, 0, hidden.screen);
      assert(!/sending/.test(hidden.screen) && !hidden.screen.includes(erase), hidden.screen);
    }
    proxy.set({ cutAfterSent: 6_000_000, stall: true, latency: 4 });
    const failing = runAtTerminal(copy('failed'), { answers: [], env: { HOME: home } });
    for (let waited = 0; proxy.cuts === 0 && waited < 15_000; waited += 20) await delay(20);
    await proxy.stop();
    const failed = await failing;
    assert.equal(failed.code, 8, failed.screen);
    assert(failed.screen.includes(`${erase}error: `), failed.screen);
  });
});
