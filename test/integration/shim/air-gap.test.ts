import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { readProfile } from '#lib/profile/read-profile';
import { remoteRepository } from '#lib/registry/remote/repository';
import { packSignature } from '#lib/trust/signature/pack-signature';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { launcher, run, succeeded } from '#test/support/cli/run';
import { ResolvingRuntime } from '#test/support/cri/resolving-runtime';
import { denyChmod, startTestShim, type TestShim } from '#test/support/cri/shim';
import { privateSigstore } from '#test/support/sigstore/private-sigstore';
import { SecurityProfile_ProfileType as ProfileType } from '../../../lib/cri/gen/cri_pb.js';

const guide = readFileSync(new URL('../../../docs/guides/nodes/air-gap.md', import.meta.url), 'utf8');
const identity = 'https://github.com/acme/profiles/.github/workflows/publish.yml@refs/heads/main';
const issuer = 'https://token.actions.githubusercontent.com';
const names = ['nginx:1.27', 'redis:7.2'] as const;

describePeers(['docker-registry'], 'the guide to nodes without a network', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-air-gap-'));
  const digests: string[] = [];
  let origin: Registry;
  let site: Registry;
  let runtime: ResolvingRuntime;
  let shim: TestShim | undefined;

  /** Returns the blocks of the guide in a language, with the registries of this test. */
  const blocks = (language: string): readonly string[] =>
    [...guide.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(([, text = '']) =>
      text.replaceAll('ghcr.io', origin.host).replaceAll('registry.internal', site.host),
    );
  const follow = (commands: string) =>
    run('bash', ['-euo', 'pipefail', '-c', commands], {
      ...{ cwd: folder, env: { HOME: folder, PATH: `${folder}/bin:${process.env['PATH']}` } },
    });

  before(async () => {
    [origin, site] = await Promise.all([startRegistry(), startRegistry()]);
    runtime = new ResolvingRuntime(join(folder, 'runtime.sock'));
    runtime.hasFeature = false;
    await runtime.start();
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin/fairlead'), `#!/bin/sh\nexec ${process.execPath} ${launcher} "$@"\n`, {
      mode: 0o755,
    });
    writeFileSync(join(folder, 'nginx.json'), denyChmod);
    const nginx = `${origin.host}/acme/profiles/nginx:1.27`;
    succeeded(
      await follow(`fairlead keygen --prefix fairlead && fairlead push nginx.json ${nginx} --key fairlead.key`),
    );
    const sigstore = await privateSigstore();
    writeFileSync(join(folder, 'trusted_root.json'), JSON.stringify(sigstore.trustedRoot));
    const artifact = packArtifact(readProfile(Buffer.from(denyChmod)), { layout: 'runtime', title: 'redis.json' });
    const bundle = Buffer.from(JSON.stringify(await sigstore.sign(artifact.descriptor, { identity, issuer })));
    const target = remoteRepository({ registry: origin.host, repository: 'acme/profiles/redis' });
    await pushArtifact(target, artifact, packSignature(artifact.descriptor, bundle), '7.2');
    writeFileSync(join(folder, 'policy.yaml'), blocks('yaml')[0] ?? '');
  });
  after(async () => {
    await shim?.stop();
    runtime.kill();
    await Promise.all([origin, site].map((registry) => registry.stop()));
    rmSync(folder, { recursive: true });
  });

  it('brings artifacts with their signatures into the site, where they verify without the origin', async () => {
    const [connected = '', isolated = '', ...others] = blocks('sh');
    assert.deepEqual(others, []);
    succeeded(await follow(connected));
    await origin.stop();
    const followed = await follow(isolated);
    succeeded(followed);
    assert.equal(followed.stdout.match(/^ *allowed$/gm)?.length, names.length, followed.stdout);
    for (const name of names) {
      const { stdout } = await follow(`fairlead inspect ${site.host}/acme/profiles/${name} --output json`);
      digests.push(JSON.parse(stdout).digest);
    }
  });

  it('lets nodes pull everything at their start, and create containers while the registry is down', async () => {
    const references = names.map(
      (name, index) => `${site.host}/acme/profiles/${name.replace(/:.*/, '')}@${digests[index]}`,
    );
    writeFileSync(join(folder, 'prepull'), references.map((reference) => `Seccomp ${reference}\n`).join(''));
    shim = await startTestShim({
      ...{ runtime: join(folder, 'runtime.sock'), registryHost: site.host },
      // The files that the policy names are beside it.
      policy: readFileSync(join(folder, 'policy.yaml'), 'utf8').replace(/^apiVersion.*\nkind.*\n/, ''),
      files: ['fairlead.pub', 'trusted_root.json'].map((name) => join(folder, name)),
      args: ['--prepull', join(folder, 'prepull')],
    });
    const done = () => shim?.log().filter(({ messageId }) => messageId === 'fairlead.prepull.done').length;
    while (done() !== names.length) await delay(20);
    await site.stop();
    for (const ociRef of references) {
      await shim.client.createContainer({
        podSandboxId: 's',
        config: {
          metadata: { name: 'main' },
          linux: { securityContext: { seccomp: { profileType: ProfileType.OCI, ociRef } } },
        },
      });
      assert.equal(runtime.lastSeccomp?.profileType, ProfileType.Localhost);
    }
  });
});
