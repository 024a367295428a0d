import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeImages } from '#test/peers/image';
import { peer } from '#test/peers/peer';
import { startRefreg } from '#test/peers/refreg';
import { startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { failed, run, succeeded } from '#test/support/cli/run';
import { fairlead, folder, policy } from '#test/support/cli/signing-folder';
import { type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { identityToken, serveSigstore } from '#test/support/sigstore/sigstore-server';

interface Found {
  readonly reference: string;
  readonly digest: string;
  readonly kind: string;
  readonly name?: string;
  readonly subject: { readonly digest: string; readonly platform?: string };
  readonly time?: { readonly at: string; readonly of: string };
  readonly verified: boolean;
  readonly localhostProfile: string;
}

const json = async (args: readonly string[], options = {}) =>
  JSON.parse(succeeded(await fairlead([...args, '--output', 'json'], options)));

for (const [name, start] of [
  ['docker-registry', startRegistry],
  ['refreg', startRefreg],
] as const) {
  describePeers([name, 'skopeo', 'crane', 'cosign'], `fairlead find at ${name}`, () => {
    let registry: Awaited<ReturnType<typeof start>>;
    let web = '';
    let digest = '';
    let platform = '';
    const cosign = async (...args: string[]) =>
      succeeded(await run(peer('cosign'), args, { cwd: folder, env: { HOME: folder, COSIGN_PASSWORD: '' } }));
    const attach = async (subject: string, file: string, key: string, ...args: string[]): Promise<string> => {
      const pushed = await json(['push', file, web, '--subject', `${web}@${subject}`, '--key', key, ...args]);
      return pushed.digest;
    };
    const find = async (...args: string[]): Promise<{ profiles: Found[]; refusedCount: number; refused: unknown[] }> =>
      json(['find', `${web}:1.27`, ...args]);
    const digestsOf = (profiles: readonly Found[]): string[] => profiles.map((each) => each.digest);

    before(async () => {
      registry = await start();
      web = `${registry.host}/acme/web`;
      await writeFile(join(folder, 'apparmor.json'), '{"filesystem":{"readOnlyPaths":["/etc/**"]}}');
      await writeFile(join(folder, 'looser.json'), '{"defaultAction":"SCMP_ACT_LOG"}');
      // An image of one platform by skopeo, and an index of it, both signed by cosign.
      const [image] = await makeImages();
      await writeFile(join(folder, 'image.tar'), image?.archive ?? '');
      const to = ['--dest-tls-verify=false', `oci-archive:${folder}/image.tar`, `docker://${web}:amd64`];
      succeeded(await run(peer('skopeo'), ['copy', '--format', 'oci', ...to]));
      const index = ['index', 'append', '--insecure', '-t', `${web}:1.27`, '-m', `${web}:amd64`];
      succeeded(await run(peer('crane'), index));
      await cosign('generate-key-pair', '--output-key-prefix', name);
      const unlogged = ['--use-signing-config=false', '--tlog-upload=false', '--allow-http-registry'];
      await cosign('sign', '--yes', '--recursive', '--key', `${name}.key`, ...unlogged, `${web}:1.27`);
      ({ digest } = await json(['inspect', `${web}:1.27`]));
      ({ digest: platform } = await json(['inspect', `${web}:amd64`]));
      await policy('policy.yaml', `rules:\n  - {match: "${registry.host}/acme/**", require: [{key: a.pub}]}\n`);
    });
    after(() => registry.stop());

    it('finds nothing at an image that only has signatures', async () => {
      const { stdout, stderr } = await fairlead(['find', `${web}:1.27`, '--policy', 'policy.yaml', '--all']);
      assert.equal(stdout, `image      ${web}:1.27@${digest}\n\nno verified profiles\n`);
      assert.equal(stderr, '');
    });

    it('finds what is attached to the image and its platform, and verifies each', async () => {
      const versioned = (version: string) => ['--annotation', `org.opencontainers.image.version=${version}`];
      const whole = await attach(digest, 'p.json', 'a.key', '--title', 'web.json', ...versioned('1.0.0'));
      const confined = await attach(platform, 'apparmor.json', 'a.key', ...versioned('2.0.0'));
      const strange = await attach(digest, 'looser.json', 'b.key');
      for (const trust of [
        ['--key', 'a.pub'],
        ['--policy', 'policy.yaml'],
      ]) {
        const { profiles, refusedCount } = await find(...trust);
        assert.deepEqual(
          profiles.map(({ kind, name, subject }) => [kind, name, subject]),
          [
            ['AppArmor', undefined, { digest: platform, platform: 'linux/amd64' }],
            ['Seccomp', 'web', { digest }],
          ],
        );
        assert.deepEqual([digestsOf(profiles), refusedCount], [[confined, whole], 1]);
        assert.deepEqual(
          profiles.map(({ localhostProfile }) => localhostProfile),
          [`oci/${web}@${confined}`, `oci/${web}@${whole}`],
        );
      }
      // The image in the place of its index has the profiles of its platform only.
      const { profiles: ofPlatform } = await json(['find', `${web}:amd64`, '--key', 'a.pub']);
      assert.deepEqual(digestsOf(ofPlatform), [confined]);
      assert.deepEqual(digestsOf((await find('--key', 'a.pub', '--platform', 'linux/amd64')).profiles), [
        confined,
        whole,
      ]);
      const elsewhere = await fairlead(['find', `${web}:1.27`, '--key', 'a.pub', '--platform', 'linux/arm64']);
      failed(elsewhere, 7, /is not for linux\/arm64\nhint: It is for linux\/amd64\./);

      const text = await fairlead(['find', `${web}:1.27`, '--key', 'a.pub']);
      assert.match(
        text.stdout,
        new RegExp(
          `^profile +${web}@${whole}\\nkind +Seccomp\\nfor +the image\\nname +web\\nversion +1\\.0\\.0\\nsummary .*\\nsigner +key a\\.pub .*\\n` +
            `pod +securityContext: \\{seccompProfile: \\{type: Localhost, localhostProfile: "oci/${web}@${whole}"\\}\\}$`,
          'm',
        ),
      );
      assert.match(
        text.stdout,
        /^pod +securityContext: \{appArmorProfile: \{type: Localhost, localhostProfile: "oci\//m,
      );
      assert.equal(text.stderr, 'note: 1 referrer is not listed, because refused; --all lists them with the reasons\n');
      assert.doesNotMatch(text.stdout, new RegExp(strange));
      const all = await fairlead(['find', `${web}:1.27`, '--key', 'a.pub', '--all']);
      assert.match(all.stdout, new RegExp(`^refused +${web}@${strange}\\nreason +[^]*not made with this key`, 'm'));
      assert.equal(all.stderr, '');
      const quiet = await fairlead(['find', `${web}:1.27`, '--key', 'a.pub', '-q']);
      assert.deepEqual(quiet, { code: 0, stdout: `${web}@${confined}\n${web}@${whole}\n`, stderr: '' });
      const listed = await find('--key', 'a.pub', '--all');
      assert.equal(listed.refused.length, 1);
    });

    it('needs to know what a profile must meet, and says if nothing is verified', async () => {
      failed(
        await fairlead(['find', `${web}:1.27`]),
        2,
        /nothing specifies what it must meet\nhint: .*--insecure-unverified/,
      );
      const unverified = await fairlead(['find', `${web}:1.27`, '--insecure-unverified']);
      assert.match(unverified.stderr, /^warning: the profiles are not verified/m);
      assert.equal(succeeded(unverified).match(/^signer +not verified$/gm)?.length, 3);
      const { profiles } = await find('--insecure-unverified');
      assert.deepEqual(new Set(profiles.map(({ verified }) => verified)), new Set([false]));
      await policy('elsewhere.yaml', 'rules:\n  - {match: "ghcr.io/**", require: [{key: a.pub}]}\n');
      failed(await fairlead(['find', `${web}:1.27`, '--policy', 'elsewhere.yaml']), 4, /does not allow/);
      failed(await fairlead(['find', 'web:1.27', '--key', 'a.pub']), 2, /it names no registry/);
      failed(await fairlead(['find', `${web}:absent`, '--key', 'a.pub']), 7, /absent/);
      failed(
        await fairlead(['find', `${web}:1.27`, '--key', 'a.pub', '--platform', 'amd64']),
        2,
        /invalid platform "amd64"/,
      );
    });

    it('prints no control characters of a publisher', async () => {
      const evil = '\u001b[2J\n::error::x';
      await attach(digest, 'p.json', 'a.key', '--annotation', `dev.fairlead.profile.summary=${evil}`);
      const { stdout } = await fairlead(['find', `${web}:1.27`, '--key', 'a.pub']);
      assert.match(stdout, /^summary {4}\\u\{1b\}\[2J\\u\{a\}::error::x$/m);
    });

    it('puts what a log has seen last first, and names the identity', async (t) => {
      // Logs of private instances have a clock that stands still.
      const lastWeek = await privateSigstore({ certificateTime: new Date(Date.now() - 7 * 86_400_000) });
      const today = await privateSigstore();
      const root: Record<string, unknown> = { ...today.trustedRoot };
      for (const [key, value] of Object.entries(lastWeek.trustedRoot)) {
        const own = root[key];
        if (Array.isArray(value) && Array.isArray(own)) root[key] = [...own, ...value];
      }
      await writeFile(join(folder, 'root.json'), JSON.stringify(root));
      const issuer = 'https://accounts.acme.example';
      const env = { SIGSTORE_ID_TOKEN: identityToken(issuer, 'me@acme.example') };
      const signing = ['--keyless', '--signing-config', 'signing.json', '--trusted-root', 'root.json'];
      const subject = ['--subject', `${web}@${digest}`];
      const signedBy = async (sigstore: PrivateSigstore, created: string): Promise<string> => {
        const server = await serveSigstore(sigstore);
        t.after(() => server.stop());
        await writeFile(join(folder, 'signing.json'), JSON.stringify(server.signingConfig));
        const annotation = ['--annotation', `org.opencontainers.image.created=${created}`];
        return (await json(['push', 'p.json', web, ...subject, ...annotation, ...signing], { env })).digest;
      };
      // By their own account, the other way round.
      const second = await signedBy(today, '2020-01-01T00:00:00Z');
      const first = await signedBy(lastWeek, '2030-01-01T00:00:00Z');
      const by = ['--certificate-identity', 'me@acme.example', '--certificate-oidc-issuer', issuer];
      const { profiles } = await find(...by, '--trusted-root', 'root.json');
      assert.deepEqual(digestsOf(profiles), [second, first]);
      assert.deepEqual(
        profiles.map(({ time }) => time?.of),
        ['signature', 'signature'],
      );
      const text = succeeded(await fairlead(['find', `${web}:1.27`, ...by, '--trusted-root', 'root.json']));
      assert.match(
        text,
        /^signed +20\d\d-\S+Z\nsigner +me@acme\.example \(issuer https:\/\/accounts\.acme\.example\)/m,
      );
    });
  });
}

describe('fairlead find in an OCI layout', () => {
  it('finds what is attached there', async () => {
    const layout = ['--oci-layout', 'images'];
    // Any artifact can be a subject.
    const { digest } = await json(['push', 'p.json', 'localhost/web:1', '--key', 'a.key', ...layout]);
    const subject = ['--subject', `localhost/web@${digest}`];
    const attached = await json(['push', 'p.json', 'localhost/web', '--key', 'a.key', ...subject, ...layout]);
    const { profiles } = await json(['find', 'localhost/web:1', '--key', 'a.pub', ...layout]);
    assert.deepEqual(
      profiles.map((each: Found) => each.reference),
      [`localhost/web@${attached.digest}`],
    );
  });
});
