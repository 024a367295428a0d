import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { makeImages } from '#test/peers/image';
import { peer } from '#test/peers/peer';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { failed, run, runFairlead, succeeded } from '#test/support/cli/run';
import { someOf } from '#test/support/some-of';

describePeers(['docker-registry', 'skopeo', 'oras', 'crane'], 'what is not a profile', () => {
  let cwd = '';
  let registry: Registry;
  const fairlead = (...args: string[]) => runFairlead(args, { cwd });
  const verify = (name: string, ...more: string[]) =>
    fairlead('verify', `${registry.host}/${name}`, ...(more.length > 0 ? more : ['--key', 'fairlead.pub']));
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-other-'));
    registry = await startRegistry();
    succeeded(await fairlead('keygen'));
    const [image] = await makeImages();
    const copy = (...args: string[]) => run(peer('skopeo'), ['copy', '--dest-tls-verify=false', ...args]);
    await writeFile(join(cwd, 'image.tar'), image?.archive ?? '');
    const archive = `oci-archive:${cwd}/image.tar`;
    succeeded(await copy('--format', 'oci', archive, `docker://${registry.host}/image:oci`));
    succeeded(await copy('--format', 'v2s2', archive, `docker://${registry.host}/image:docker`));
    const index = (tag: string, ...args: string[]) =>
      run(peer('crane'), ['index', 'append', '--insecure', '-t', `${registry.host}/image:${tag}`, ...args]);
    succeeded(await index('index', '-m', `${registry.host}/image:oci`));
    succeeded(await index('list', '-m', `${registry.host}/image:docker`, '--docker-empty-base'));
    await writeFile(join(cwd, 'chart.json'), '{"name": "nginx"}');
    const chart = ['chart.json:application/vnd.cncf.helm.chart.content.v1.tar+gzip', '--plain-http'];
    const config = ['--config', 'chart.json:application/vnd.cncf.helm.config.v1+json'];
    succeeded(await run(peer('oras'), ['push', `${registry.host}/chart:1`, ...config, ...chart], { cwd }));
    await writeFile(join(cwd, 'p.json'), '{"defaultAction": "SCMP_ACT_ERRNO"}');
    succeeded(await fairlead('push', 'p.json', `${registry.host}/profile:1`, '--unsigned'));
    const open = 'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - {match: "**", unsigned: true}\n';
    await writeFile(join(cwd, 'open.yaml'), open);
  });
  after(async () => {
    await registry.stop();
    await rm(cwd, { recursive: true });
  });

  for (const [name, what] of [
    ['image:oci', 'a container image'],
    ['image:docker', 'a container image'],
    ['image:index', 'an index for linux/amd64, as for container images'],
    ['image:list', 'an index for linux/amd64, as for container images'],
    ['chart:1', 'a Helm chart'],
  ] as const) {
    it(`is named by verify and pull: ${what}, ${name}`, async () => {
      const message = new RegExp(`^error: \\S+/${name} is ${what}, not a security profile: `);
      const unsigned = await verify(name);
      failed(unsigned, 5, message);
      assert.match(unsigned.stderr, /is not signed(.|\n)*hint: Name the reference of a profile/);
      failed(await verify(name, '--policy', 'open.yaml'), 3, message);
      failed(await fairlead('pull', `${registry.host}/${name}`, '--policy', 'open.yaml'), 3, message);
    });
  }

  it('is named by push, which gives its tag to no profile', async () => {
    for (const [name, what] of [
      ['image:oci', 'a container image'],
      ['image:docker', 'a container image'],
      ['image:list', 'an index for linux/amd64, as for container images'],
      ['chart:1', 'a Helm chart'],
    ]) {
      const taken = await fairlead('push', 'p.json', `${registry.host}/${name}`, '--unsigned');
      failed(taken, 9, new RegExp(`/${name} is not a profile: it is ${what}, sha256:[0-9a-f]{64}\nhint: `));
    }
  });

  it('is shown by inspect with each media type of images, as the hints of push and pull promise', async () => {
    for (const name of ['image:oci', 'image:docker', 'image:index', 'image:list']) {
      const at = `${registry.host}/${name}`;
      const { stderr } = await fairlead('push', 'p.json', '--subject', at, '--unsigned');
      const [, command = ''] = /; fairlead (inspect .*) prints it/.exec(stderr) ?? [];
      const digest = succeeded(await fairlead(...command.split(' '))).trim();
      assert.match(digest, /^sha256:[0-9a-f]{64}$/);
      const shown = JSON.parse(succeeded(await fairlead('inspect', at, '--output', 'json')));
      assert.equal(shown.digest, digest);
      assert.equal(shown.content.mediaType, shown.mediaType);
      assert.match(
        succeeded(await fairlead('inspect', at)),
        new RegExp(`^media type {2}${shown.mediaType.replace('+', '\\+')}$`, 'm'),
      );
      succeeded(await fairlead('push', 'p.json', '--subject', `${registry.host}/image@${digest}`, '--unsigned'));
    }
  });

  it('is not for a platform that it does not state, and no image is no subject', async () => {
    const stateless = await fairlead(
      'find',
      `${registry.host}/chart:1`,
      '--platform',
      'linux/arm64',
      '--key',
      'fairlead.pub',
    );
    failed(
      stateless,
      7,
      /does not state its platform, such as linux\/arm64\nhint: Leave out --platform to find its profiles/,
    );
    const none = `${registry.host}/image@sha256:${'0'.repeat(64)}`;
    const missing = await fairlead('push', 'p.json', '--subject', none, '--unsigned');
    failed(missing, 7, /^ {2}cause: no manifest sha256:0{64} in \S+\/image\n {4}HEAD http:\S+: 404$/m);
    assert.doesNotMatch(missing.stderr, /u\{a\}/);
  });

  it('is accepted with each media type of images by commands for artifacts of any kind', async () => {
    for (const name of ['docker', 'list']) {
      const at = `${registry.host}/image:${name}`;
      for (const args of [
        ['sign', at, '--key', 'fairlead.key'],
        ['attest', at, '--key', 'fairlead.key', '--type', 'https://a.example/v1', '--predicate', 'p.json'],
        ['tag', at, `${name}-2`],
        ['referrers', at],
        ['copy', at, `${registry.host}/copy:${name}`],
        ['save', at, `${name}.tar`],
        ['load', `${name}.tar`, `${registry.host}/loaded:${name}`],
      ])
        succeeded(await fairlead(...args));
    }
  });

  it('is refused by policy test as by verify', async () => {
    const name = (tag: string) => `${registry.host}/kinds:${tag}`;
    await writeFile(join(cwd, 'apparmor.json'), '{"capability": {"allowedCapabilities": ["chown"]}}');
    succeeded(await fairlead('push', 'apparmor.json', name('apparmor'), '--key', 'fairlead.key'));
    succeeded(await fairlead('push', 'p.json', name('seccomp'), '--key', 'fairlead.key'));
    succeeded(await run(peer('crane'), ['copy', '--insecure', `${registry.host}/image:oci`, name('image')]));
    succeeded(await fairlead('sign', name('image'), '--key', 'fairlead.key'));
    const policies = [
      ['signed.yaml', 'kinds: [Seccomp], require: [{key: fairlead.pub}]'],
      ['any.yaml', 'require: [{key: fairlead.pub}]'],
      ['unsigned.yaml', 'kinds: [Seccomp], unsigned: true'],
    ] as const;
    for (const [file, requires] of someOf(policies, 1)) {
      const header = 'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n';
      await writeFile(join(cwd, file), `${header}  - {match: "**", ${requires}}\n`);
      for (const [tag, code, message] of [
        ['apparmor', 3, /is a profile of kind AppArmor, not Seccomp\nhint: Set --kind to AppArmor/],
        ['image', 3, /kinds:image is a container image, not a security profile/],
        ['seccomp', 0, /^$/],
      ] as const) {
        const tested = await fairlead('policy', 'test', file, name(tag));
        const verified = await fairlead('verify', name(tag), '--policy', file);
        assert.deepEqual([tested.code, verified.code], [code, code], `${file} ${tag} ${tested.stderr}`);
        assert.match(tested.stderr, message);
        assert.match(tested.stdout, code === 0 ? /^allowed$/m : /^refused$/m);
        if (code !== 0) assert.equal(tested.stderr, verified.stderr);
      }
    }
  });

  it('is named if it is signed, too', async () => {
    succeeded(
      await fairlead('sign', `${registry.host}/image:oci`, '--key', 'fairlead.key', '--signature-format', 'legacy'),
    );
    failed(
      await verify('image:oci'),
      3,
      /image:oci is a container image, not a security profile: its config media type/,
    );
  });

  it('is not reported for a profile that is refused', async () => {
    const { code, stderr } = await verify('profile:1');
    assert.equal(code, 5, stderr);
    assert.match(stderr, /^error: \S+ is not signed/);
    failed(
      await verify('profile:1', '--policy', 'open.yaml', '--kind', 'apparmor'),
      3,
      /^error: (?!.*not a security profile)/,
    );
  });

  it('a signed profile is verified by a key without a word of rules, and of another kind with the option for it', async () => {
    const name = `${registry.host}/profile:1`;
    succeeded(await fairlead('sign', name, '--key', 'fairlead.key', '--signature-format', 'legacy'));
    const text = succeeded(await verify('profile:1'));
    assert.match(text, /^key {8}fairlead\.pub \(SHA-256 /m);
    succeeded(await fairlead('keygen', '--prefix', 'other'));
    const { stderr } = await verify('profile:1', '--key', 'other.pub');
    assert.match(stderr, /^error: no signature of \S+ is by key other\.pub:$/m);
    assert.doesNotMatch(stderr, /rule/);
    assert.doesNotMatch(text, /rule/);
    const other = await verify('profile:1', '--key', 'fairlead.pub', '--kind', 'apparmor');
    failed(other, 3, /hint: Set --kind to Seccomp, or name another artifact/);
  });
});
