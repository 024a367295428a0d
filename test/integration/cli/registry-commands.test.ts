import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { peer } from '#test/peers/peer';
import { type Refreg, startRefreg } from '#test/peers/refreg';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { failed, type RunOptions, run, runFairlead, succeeded } from '#test/support/cli/run';

const profile =
  '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"}]}\n';

let cwd = '';
before(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'fairlead-commands-'));
  await writeFile(join(cwd, 'nginx.json'), profile);
  await writeFile(join(cwd, 'other.json'), profile.replace('"write"', '"close"'));
  await fairlead(['keygen']);
  await writeFile(
    join(cwd, 'policy.yaml'),
    'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - {match: "**", require: [{key: fairlead.pub}]}\n',
  );
});
after(() => rm(cwd, { recursive: true }));

/** Runs fairlead, and gives what it printed as JSON; fails where it failed. */
async function fairlead(args: readonly string[], options: RunOptions = {}) {
  return JSON.parse(succeeded(await runFairlead([...args, '--output', 'json'], { cwd, ...options })));
}

/** Returns what ls lists. */
async function names(args: readonly string[], options: RunOptions = {}): Promise<readonly string[]> {
  return (await fairlead(['ls', ...args], options)).names;
}

const push = (reference: string, ...args: string[]) =>
  fairlead(['push', 'nginx.json', reference, '--key', 'fairlead.key', ...args]);
const verify = (reference: string, ...args: string[]) =>
  fairlead(['verify', reference, '--policy', 'policy.yaml', ...args]);

describePeers(
  ['docker-registry', 'refreg', 'skopeo', 'oras', 'crane'],
  'fairlead copy, save, load, tag, ls and referrers',
  () => {
    let source: Registry;
    let target: Registry;
    let modern: Refreg;
    before(async () => {
      [source, target, modern] = await Promise.all([startRegistry(), startRegistry(), startRefreg()]);
    });
    after(() => Promise.all([source.stop(), target.stop(), modern.stop()]));

    for (const format of ['bundle', 'legacy']) {
      it(`copies an artifact with its ${format} signature, between registries of both kinds`, async () => {
        const name = `security/${format}`;
        const { digest } = await push(`${source.host}/${name}:1`, '--signature-format', format);
        const first = await fairlead(['copy', `${source.host}/${name}:1`, `${modern.host}/copied/${format}`]);
        assert.equal(first.reference, `${modern.host}/copied/${format}:1@${digest}`);
        assert.equal((await verify(`${modern.host}/copied/${format}:1`)).digest, digest);
        // And back, from the digest alone, under another tag.
        await fairlead(['copy', `${modern.host}/copied/${format}@${digest}`, `${target.host}/back/${format}:stable`]);
        const verified = await verify(`${target.host}/back/${format}:stable`);
        assert.equal(verified.digest, digest);
        assert.equal(verified.verification.signatures[0].format, format);
        const again = await fairlead(['copy', `${source.host}/${name}:1`, `${modern.host}/copied/${format}`]);
        assert.equal(again.content.sent, 0);
        assert.equal(again.sentBytes, 0);
      });
    }

    it('leaves signatures behind with --no-referrers', async () => {
      await push(`${source.host}/security/alone:1`);
      await fairlead(['copy', `${source.host}/security/alone:1`, `${target.host}/alone`, '--no-referrers']);
      const { code } = await runFairlead(['verify', `${target.host}/alone:1`, '--policy', 'policy.yaml'], { cwd });
      assert.equal(code, 5);
    });

    it('copies into a layout directory and out of it', async () => {
      const { digest } = await push(`${source.host}/security/folder:1`);
      await fairlead([
        'copy',
        `${source.host}/security/folder:1`,
        'localhost/kept/folder',
        '--to-oci-layout',
        'layout',
      ]);
      assert.equal((await verify('localhost/kept/folder:1', '--oci-layout', 'layout')).digest, digest);
      const out = `${target.host}/out/folder`;
      await fairlead(['copy', 'localhost/kept/folder:1', out, '--from-oci-layout', 'layout']);
      assert.equal((await verify(`${out}:1`)).digest, digest);
    });

    for (const format of ['bundle', 'legacy']) {
      it(`saves with a ${format} signature to a file that loads and verifies without the source`, async (t) => {
        const gone = await startRegistry();
        t.after(() => gone.stop());
        const reference = `${gone.host}/security/saved:1.27`;
        const { digest } = await push(reference, '--signature-format', format);
        const file = `${format}.tar`;
        await fairlead(['save', reference, file]);
        const bytes = await readFile(join(cwd, file));
        await fairlead(['save', reference, file]);
        assert(bytes.equals(await readFile(join(cwd, file))), 'the same content gives the same bytes');
        process.kill(gone.pid, 'SIGKILL');

        const unreachable = await runFairlead(['inspect', reference], { cwd });
        assert.equal(unreachable.code, 8);
        const into = `${target.host}/gap/${format}`;
        const { loaded } = await fairlead(['load', file, into]);
        assert.deepEqual(loaded, [{ reference: `${into}:1.27@${digest}`, digest }]);
        assert.equal((await verify(`${into}:1.27`)).digest, digest);
        await fairlead(['load', file, `${into}:stable@${digest}`]);
        assert.equal((await verify(`${into}:stable`)).digest, digest);
        await fairlead(['load', file, 'localhost/gap/node', '--oci-layout', `node-${format}`]);
        assert.equal((await verify('localhost/gap/node:1.27', '--oci-layout', `node-${format}`)).digest, digest);
      });
    }

    it('leaves nothing behind if saving fails, and replaces no file', async () => {
      await writeFile(join(cwd, 'kept.tar'), 'as it was');
      const { code } = await runFairlead(['save', `${source.host}/security/absent:1`, 'kept.tar'], { cwd });
      assert.equal(code, 7);
      assert.equal(await readFile(join(cwd, 'kept.tar'), 'utf8'), 'as it was');
      await push(`${source.host}/security/unwritable:1`);
      const no = await runFairlead(['save', `${source.host}/security/unwritable:1`, 'no/such/folder.tar'], { cwd });
      assert.equal(no.code, 2);
      assert.match(no.stderr, /^error: cannot write no\/such\/folder\.tar/);
      assert.deepEqual(
        (await readdir(cwd)).filter((name) => name.startsWith('kept.tar')),
        ['kept.tar'],
      );
    });

    it('names an archive that lacks content', async () => {
      await push('localhost/partial/a:1', '--oci-layout', 'partial');
      const layout = join(cwd, 'partial/localhost/partial/a');
      const { digest } = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')).manifests.at(-1);
      const blob = join(layout, 'blobs', digest.replace(':', '/'));
      const { layers } = JSON.parse(await readFile(blob, 'utf8'));
      const missing = [
        [
          join(layout, 'blobs', layers[0].digest.replace(':', '/')),
          /is incomplete: no content sha256:[0-9a-f]{64}\nhint: /,
        ],
        [blob, /its index\.json lists sha256:[0-9a-f]{64} .*, which is not in it\nhint: /],
      ] as const;
      for (const [gone, message] of missing) {
        await rm(gone);
        assert.equal((await run('tar', ['-cf', 'partial.tar', '-C', layout, '.'], { cwd })).code, 0);
        const loading = await runFairlead(['load', 'partial.tar', `${modern.host}/partial`], { cwd });
        failed(loading, 2, /^error: partial\.tar/);
        failed(loading, 2, message);
      }
    });

    it('gives a hint for an archive with invalid tags, and for a missing temporary directory', async () => {
      await push(`${source.host}/security/named:1`);
      const from = ['copy', '--src-tls-verify=false', `docker://${source.host}/security/named:1`];
      const { code } = await run(peer('skopeo'), [...from, 'oci-archive:named.tar:nginx:1.27'], {
        cwd,
      });
      assert.equal(code, 0);
      const { host } = modern;
      const load = (reference: string, env = {}) => runFairlead(['load', 'named.tar', reference], { cwd, env });
      failed(await load(`${host}/named`), 2, /invalid tag "nginx:1\.27" in named\.tar\nhint: Specify another tag/);
      failed(
        await load(`${host}/named:1`, { TMPDIR: '/no/such' }),
        2,
        /temporary directory in \/no\/such\n.*\nhint: Set TMPDIR/,
      );
      succeeded(await load(`${host}/named:1`));
    });

    it('loads what skopeo saved, and requires a digest to choose one of several', async () => {
      await push(`${source.host}/security/skopeo:1`);
      const save = ['copy', '--src-tls-verify=false', `docker://${source.host}/security/skopeo:1`];
      const { code, stderr } = await run(peer('skopeo'), [...save, 'oci-archive:skopeo.tar:7'], { cwd });
      assert.equal(code, 0, stderr);
      const { loaded } = await fairlead(['load', 'skopeo.tar', `${target.host}/from/skopeo`]);
      assert.match(loaded[0].reference, /\/from\/skopeo:7@sha256:/);

      await fairlead(['push', 'other.json', `${source.host}/security/skopeo:2`, '--unsigned']);
      for (const tag of ['1', '2']) {
        const from = `${source.host}/security/skopeo:${tag}`;
        await fairlead(['copy', from, 'localhost/many', '--to-oci-layout', 'many']);
      }
      await run('tar', ['-cf', 'many.tar', '-C', 'many/localhost/many', '.'], { cwd });
      const all = await fairlead(['load', 'many.tar', `${target.host}/many`]);
      assert.equal(all.loaded.length, 2);
      const unclear = await runFairlead(['load', 'many.tar', `${target.host}/many:x`], { cwd });
      assert.equal(unclear.code, 2);
      assert.match(unclear.stderr, /has 2 artifacts/);
      const absent = await runFairlead(['load', 'many.tar', `${target.host}/many@sha256:${'0'.repeat(64)}`], { cwd });
      assert.equal(absent.code, 7);
    });

    it('refuses what is not an archive', async () => {
      await writeFile(join(cwd, 'broken.tar'), 'no tar at all');
      const broken = await runFairlead(['load', 'broken.tar', `${target.host}/broken`], { cwd });
      assert.equal(broken.code, 2);
      assert.equal((await runFairlead(['load', 'absent.tar', `${target.host}/broken`], { cwd })).code, 2);
    });

    it('shows which referrer is a signature and which an attestation, as the registry lists them', async () => {
      const name = `${source.host}/listed/attested:1`;
      await push(name);
      const review = 'https://acme.example/review/v1';
      await fairlead(['attest', name, '--type', review, '--predicate', 'nginx.json', '--key', 'fairlead.key']);
      const { stdout } = await runFairlead(['referrers', name], { cwd });
      const types = stdout.match(/(?<=bundle\.v0\.3\+json {2})\S+(?= {2}[0-9]+ bytes$)/gm);
      assert.deepEqual(types?.toSorted(), [review, 'https://sigstore.dev/cosign/sign/v1']);
    });

    it('tags, and lists tags, repositories and referrers', async () => {
      const name = `${modern.host}/listed/nginx`;
      const { digest, signature } = await push(`${name}:1.27.10`, '--signature-format', 'bundle');
      await fairlead(['tag', `${name}:1.27.10`, '1.27.9', 'stable']);
      assert.deepEqual(await names([name]), ['1.27.9', '1.27.10', 'stable']);
      assert.equal((await verify(`${name}:stable`)).digest, digest);
      assert((await names([modern.host])).includes(name));
      const { referrers } = await fairlead(['referrers', `${name}:stable`]);
      assert.deepEqual(
        referrers.map((each: { digest: string }) => each.digest),
        [signature],
      );
      const { stdout } = await runFairlead(['referrers', `${name}:stable`], { cwd });
      assert.match(stdout, new RegExp(`@${digest}\\n {2}${signature} `));
      const none = await runFairlead(['referrers', `${name}@${signature}`], { cwd });
      assert.match(none.stdout, /no referrers/);
      assert.equal((await runFairlead(['tag', `${name}:stable`, '-x'], { cwd })).code, 2);
      assert.equal((await runFairlead(['ls', `${name}:stable`], { cwd })).code, 2);
    });

    it('reads what oras, crane and skopeo copied, and they read what it copied', async () => {
      const { digest } = await push(`${source.host}/tools/own:1`);
      await fairlead(['copy', `${source.host}/tools/own:1`, `${target.host}/tools/copied`]);
      const from = `${target.host}/tools/copied:1`;
      const to = (name: string): string => `${modern.host}/tools/${name}:1`;
      const tools: readonly (readonly ['oras' | 'crane' | 'skopeo', ...string[]])[] = [
        ['oras', 'cp', '-r', '--from-plain-http', '--to-plain-http', from, to('oras')],
        ['crane', 'cp', '--insecure', from, to('crane')],
        [
          'skopeo',
          'copy',
          '--src-tls-verify=false',
          '--dest-tls-verify=false',
          `docker://${from}`,
          `docker://${to('skopeo')}`,
        ],
      ];
      for (const [tool, ...args] of tools) {
        const { code, stderr } = await run(peer(tool), args, { cwd, env: { HOME: cwd } });
        assert.equal(code, 0, `${tool}: ${stderr}`);
        assert.equal((await fairlead(['inspect', to(tool)])).digest, digest);
        assert.deepEqual(await names([to(tool).replace(/:1$/, '')]), ['1']);
      }
      // Of the three, oras alone takes signatures along.
      assert.equal((await verify(to('oras'))).digest, digest);
      const alone = await runFairlead(['verify', to('crane'), '--policy', 'policy.yaml'], { cwd });
      assert.equal(alone.code, 5);
    });

    it('leaves tags that only stand for a digest out of the list', async () => {
      const name = `${source.host}/listed/legacy`;
      const { digest } = await push(`${name}:1`, '--signature-format', 'legacy');
      assert.deepEqual(await names([name]), ['1']);
      assert.deepEqual(await names([name, '--all']), ['1', `${digest.replace(':', '-')}.sig`]);
    });
  },
);

describe('fairlead with a registry that warns', () => {
  it('prints the warning once, and not if stderr is JSON', async () => {
    const server = createServer((_request, response) => {
      response.setHeader('warning', '299 - "use the other registry"');
      response.end('{"tags": ["1"]}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const { stdout, stderr } = await runFairlead(['ls', `${host}/a`], { cwd });
      assert.equal(stdout, '1\n');
      assert.equal(stderr, `note: ${host} warns: use the other registry\n`);
      assert.equal((await runFairlead(['ls', `${host}/a`, '--output', 'json'], { cwd })).stderr, '');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe('fairlead with a registry whose names contain newlines', () => {
  it('starts no line for them, which a CI system could take for a command', async () => {
    const evil = 'x\n::add-mask::y';
    const type = 'application/vnd.oci.image.manifest.v1+json';
    const digest = `sha256:${'a'.repeat(64)}`;
    const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest, size: 2 };
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType: type, config: empty, layers: [empty] });
    const server = createServer((request, response) => {
      if (request.url?.endsWith('/tags/list')) return response.end(JSON.stringify({ tags: [evil] }));
      if (request.url?.includes('/referrers/')) {
        const listed = { mediaType: type, digest, size: 2, artifactType: evil };
        response.setHeader('content-type', 'application/vnd.oci.image.index.v1+json');
        return response.end(JSON.stringify({ schemaVersion: 2, manifests: [listed] }));
      }
      response.setHeader('content-type', type);
      return response.end(request.method === 'HEAD' ? undefined : manifest);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      for (const args of [
        ['ls', `${host}/a`],
        ['referrers', `${host}/a:1`],
      ]) {
        const printed = succeeded(await runFairlead(args, { cwd }));
        assert.match(printed, /x\\u\{a\}::add-mask::y/);
        assert.doesNotMatch(printed, /^\s*::/m);
      }
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describePeers(['docker-registry'], 'fairlead through a proxy of the environment', () => {
  it('reaches a registry through the proxy', async () => {
    const registry = await startRegistry();
    const proxy = createServer((request, response) => {
      const { pathname, search } = new URL(request.url ?? '');
      const { method, headers } = request;
      const to = { port: registry.port, host: '127.0.0.1', path: pathname + search, method, headers };
      request.pipe(
        httpRequest(to, (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        }),
      );
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const env = { HTTP_PROXY: `127.0.0.1:${(proxy.address() as AddressInfo).port}` };
      const reference = `registry.test/security/nginx:1`;
      const args = ['push', 'nginx.json', reference, '--key', 'fairlead.key', '--plain-http'];
      await fairlead(args, { env });
      assert.deepEqual(await names(['registry.test/security/nginx', '--plain-http'], { env }), ['1']);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
      await registry.stop();
    }
  });
});
