import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { digestOf } from '#lib/registry/digest';
import { memoryRepository } from '#lib/registry/memory';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import type { Rule } from '#lib/trust/policy/policy';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { CheckedSite } from '#test/support/pages/checked-site';
import { publish } from '#test/support/pages/published';

const example = (name: string): string =>
  readFileSync(new URL(`../../../examples/${name}.json`, import.meta.url), 'utf8');
const nginx = example('nginx');
const older = nginx.replace('"accept4",', '"accept4", "ptrace",');
const browser = { accept: 'text/html,*/*;q=0.8' };
const profile = '/profiles/registry.example.com/security/nginx';

describe('the pages that check profiles', () => {
  let site: CheckedSite;
  let signer: KeySigner;
  let rule: (match: string, extra?: Partial<Rule>) => Rule;
  before(async () => {
    site = await CheckedSite.start();
    signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
    const require = [{ anyOf: [{ key: '/etc/fairlead/release.pub', publicKey: signer.key.publicKey }] }];
    rule = (match, extra = {}) => ({ match, require, unsigned: false, position: '14:5', ...extra });
    const annotations = { 'dev.fairlead.profile.summary': 'For nginx <b>only</b>' };
    const versions = [
      { tag: '1.27', content: nginx, signer, annotations, entry: { images: ['docker.io/library/nginx'] } },
      { tag: '1.25', content: older, signer },
    ] as const;
    site.profiles = [
      await publish(site, 'security/nginx', versions),
      await publish(site, 'security/apparmor-nginx', [
        { tag: '1', content: example('apparmor-nginx'), signer, entry: { images: ['docker.io/library/nginx'] } },
      ]),
      await publish(site, 'security/unsigned', [{ tag: '1', content: nginx }]),
      await publish(site, 'dev/nginx', [{ tag: '1', content: nginx }]),
    ];
  });
  beforeEach(() => {
    site.down.clear();
    site.allow(
      rule('ghcr.io/acme/**', { position: '4:5' }),
      rule('registry.example.com/security/**'),
      rule('registry.example.com/dev/**', { require: [], unsigned: true }),
    );
  });
  after(() => site.close());
  const get = async (url: string, headers: Record<string, string> = browser) => site.app.inject({ url, headers });
  /** The text of a page, without its markup. */
  const text = async (url: string): Promise<string> => {
    const { statusCode, body } = await get(url);
    assert.equal(statusCode, 200, body);
    return body.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
  };

  it('show what a profile permits, who signed it, and the digest to use', async () => {
    const { body } = await get(`${profile}:1.27`);
    const shown = await text(`${profile}:1.27`);
    assert.match(shown, /236 calls allowed, of 352 that RuntimeDefault allows 116 denied here/);
    assert.match(shown, /RuntimeDefault is what all releases of containerd since 1\.6\.16 allow/);
    assert.match(shown, /Each call that the profile does not list fails with ENOSYS/);
    assert.match(shown, /Verified: signed by release\.pub/);
    assert.match(shown, /Meets rule 2 \(line 14\) of this site’s policy/);
    assert.match(shown, /For nginx &lt;b&gt;only/);
    assert.match(shown, /socket when the family is AF_UNIX \(1\), AF_INET \(2\) or AF_INET6 \(10\)\./);
    assert.match(shown, /1 tightened since 1\.25/);
    assert.match(shown, /ptrace allowed → becomes fails with ENOSYS/);
    assert.doesNotMatch(body, /\/etc\/fairlead/);
    const pod = /<figure class="copy">.*?<\/figure>/s.exec(body)?.[0] ?? '';
    assert.match(pod, /oci\/registry\.example\.com\/security\/nginx@sha256:[0-9a-f]{64}/);
    assert.doesNotMatch(pod, /1\.27/);
  });

  it('show the newest version of a catalog if the address names none', async () => {
    assert.match(await text(profile), /nginx 1\.27/);
    const { statusCode, body } = await get('/profiles/registry.example.com/security/other');
    assert.equal(statusCode, 404, body);
  });

  it('list the newest of many versions, and compare any of them', async () => {
    const [first, ...others] = site.profiles;
    const [newest] = first?.versions ?? [];
    if (first === undefined || newest === undefined) return assert.fail();
    const older = Array.from({ length: 5000 }, (_, at) => ({
      ...newest,
      descriptor: { ...newest.descriptor, digest: digestOf(Buffer.from(String(at))) },
      tags: [`1.0.${at}`],
    }));
    site.profiles = [{ ...first, versions: [...first.versions, ...older] as never }, ...others];
    try {
      const { body } = await get(`${profile}:1.27?from=1.25`);
      assert.match(body, /And 4,902 older versions: run <code>fairlead ls registry.example.com\/security\/nginx</);
      assert.match(body, /<option value="1.25" selected>/);
      assert.ok(body.length < 150_000, `${body.length} bytes`);
    } finally {
      site.profiles = [first, ...others];
    }
  });

  it('compare any two versions, and RuntimeDefault', async () => {
    assert.match(await text(`${profile}:1.27?from=1.27&to=1.25`), /Loosened 1 call ptrace fails with ENOSYS/);
    assert.match(await text(`${profile}:1.27?from=1.27&to=1.27`), /Both have the same meaning/);
    assert.match(await text(`${profile}:1.27?from=RuntimeDefault&to=1.27`), /Tightened 1\d\d differences/);
    assert.match(await text(`${profile}:1.27?from=9.9&to=1.27`), /These versions cannot be compared\. .*9\.9/);
  });

  it('state of an AppArmor profile what it permits', async () => {
    const shown = await text('/profiles/registry.example.com/security/apparmor-nginx:1');
    assert.match(shown, /Open sockets of these kinds raw sockets/);
    assert.match(shown, /appArmorProfile:/);
    assert.doesNotMatch(shown, /type: OCI/);
  });

  it('show nothing of the content of a profile that the policy refuses', async () => {
    const shown = await text('/profiles/registry.example.com/security/unsigned:1');
    assert.match(shown, /Refused by policy/);
    assert.match(shown, /What it permits is not shown/);
    assert.doesNotMatch(shown, /Use it|calls allowed/);
    site.allow(rule('other.example.com/**'));
    const before = site.requests;
    assert.match(await text(`${profile}:1.27`), /Refused by policy/);
    assert.equal(site.requests, before);
  });

  it('ask no registry that the policy does not name', async () => {
    const before = site.requests;
    for (const name of [
      'internal.example.com/admin:1',
      '127.0.0.1:6443/api:1',
      `localhost/a@sha256:${'a'.repeat(64)}`,
    ]) {
      for (const url of [
        `/profiles/${name}`,
        `/profiles/${name}/-/pod.yaml`,
        `/images/${name}`,
        `/why?reference=${name}`,
      ]) {
        await get(url);
      }
    }
    assert.equal(site.requests, before);
  });

  it('tell a profile that needs no signature from a verified one', async () => {
    const shown = await text('/profiles/registry.example.com/dev/nginx:1');
    assert.match(shown, /Not signed: the policy requires no signature/);
    assert.doesNotMatch(shown, /Verified/);
  });

  it('show what was verified last if the registry does not answer', async () => {
    await get(`${profile}:1.27`);
    site.down.add('registry.example.com');
    const shown = await text(`${profile}:1.27`);
    assert.match(shown, /Could not be checked/);
    assert.match(shown, /registry\.example\.com does not answer.*What is shown was verified before/);
    assert.match(shown, /236 calls allowed/);
    const unknown = await text('/profiles/registry.example.com/security/apparmor-nginx:1');
    assert.match(unknown, /What it permits is not known now/);
    assert.equal((await get('/profiles/registry.example.com/security/unlisted:1')).statusCode, 503);
    // Under another policy nothing is verified yet.
    site.allow(rule('registry.example.com/**'));
    assert.match(await text(`${profile}:1.27`), /What it permits is not known now/);
  });

  it('ask a registry that does not answer once for a page, not for each version', async () => {
    site.down.add('registry.example.com');
    const before = site.requests;
    assert.match(await text(`${profile}:1.27`), /What it permits is not known now/);
    assert.equal(site.requests - before, 1);
  });

  it('serve pods and profiles as plain text', async () => {
    const pod = await get(`${profile}:1.27/-/pod.yaml?delivery=crio`);
    assert.match(pod.body, /seccomp-profile\.crio\.io\/nginx: registry\.example\.com\/security\/nginx@sha256:/);
    const json = await get(`${profile}:1.27/-/profile.json`);
    assert.equal(json.body, nginx);
    for (const { headers } of [pod, json]) {
      assert.equal(headers['content-type'], 'text/plain; charset=utf-8');
      assert.equal(headers['x-content-type-options'], 'nosniff');
    }
    assert.equal((await get('/profiles/registry.example.com/security/unsigned:1/-/profile.json')).statusCode, 403);
    assert.equal((await get(`${profile}:1.27/-/other.json`)).statusCode, 404);
    const apparmor = '/profiles/registry.example.com/security/apparmor-nginx:1/-/pod.yaml';
    assert.equal((await get(`${apparmor}?delivery=oci`)).statusCode, 404);
    assert.match((await get(apparmor)).body, /appArmorProfile/);
  });

  it('explain a decision of the policy rule by rule', async () => {
    const refused = await text('/why?reference=registry.example.com/security/unsigned:1');
    assert.match(refused, /Refused: no signature meets rule 2/);
    assert.match(refused, /It requires a signature by key release\.pub; the artifact has no signature/);
    assert.match(refused, /1 ghcr\.io\/acme\/\*\* Other repository line 4/);
    assert.match(refused, /3 registry\.example\.com\/dev\/\*\* Not asked/);
    assert.match(
      refused,
      /fairlead sign registry\.example\.com\/security\/unsigned@sha256:[0-9a-f]{64} --key release\.key/,
    );
    assert.match(
      await text('/why?reference=registry.example.com/security/nginx:1.27'),
      /Allowed: its signatures meet rule 2/,
    );
    assert.match(
      await text('/why?reference=registry.example.com/dev/nginx:1'),
      /Allowed: rule 3 requires no signature/,
    );
    assert.match(
      await text('/why?reference=registry.example.com/security/nginx'),
      /Allowed, if its signatures meet rule 2/,
    );
    assert.match(await text('/why?reference=other.example.com/a:1'), /Refused: no rule matches.*adds a rule/);
    // No registry is asked about it, so that nothing is known of what it has.
    const outside = await text('/profiles/other.example.com/a:1');
    assert.match(outside, /What it permits is not shown\. This site’s policy does not allow it/);
    assert.doesNotMatch(outside, /It is published/);
    assert.match(
      await text('/why?kind=AppArmor&reference=registry.example.com/security/nginx:1.27'),
      /Refused: it is not a valid AppArmor profile/,
    );
    assert.match(await text('/why?reference=registry.example.com/security/nginx:9'), /Not decided: it does not exist/);
    assert.match(await text('/why?reference=nginx'), /This is not a reference/);
    site.down.add('registry.example.com');
    assert.match(
      await text('/why?reference=registry.example.com/security/nginx:1.27'),
      /Not decided: the registry does not answer/,
    );
  });

  it('name the directory of an embedded registry as what it is', async (t) => {
    const error = new FairleadError('NotFound', '/var/lib/fairlead/registry/security/nginx: no tag 9');
    t.mock.method(site, 'connect', () => {
      throw error;
    });
    for (const url of [
      '/why?reference=registry.example.com/security/nginx:9',
      '/images/registry.example.com/security/nginx:9',
    ])
      assert.match(await text(url), /The registry: no tag 9/, url);
  });

  it('find the profiles of an image: what is attached and allowed, and what is made for it', async () => {
    const repository = { registry: 'registry.example.com', repository: 'security/web' };
    const target = site.repository(repository);
    const image = memoryRepository();
    assert.ok(image);
    const { versions } = await publish(site, repository.repository, [{ tag: 'image', content: nginx }]);
    const subject = versions[0].descriptor;
    await target.tag(subject, '1');
    await publish(site, repository.repository, [{ tag: 'a', content: older, signer, subject }]);
    await publish(site, repository.repository, [{ tag: 'b', content: nginx, subject }]);
    const shown = await text('/images/registry.example.com/security/web:1');
    assert.match(shown, /key release\.pub/);
    assert.match(shown, /1 attached artifact refused/);
    const made = await text('/images/docker.io/library/nginx:1.27');
    assert.match(made, /does not allow artifacts from docker\.io\/library\/nginx/);
    assert.match(made, /apparmor-nginx.*registry\.example\.com\/security\/nginx/);
    assert.match(await text('/images/docker.io/library/nginx'), /names no version/);
  });

  it('answer every address without a fault of the service', async () => {
    const part = fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.constantFrom(
        '..',
        '-',
        '@sha256:',
        ':',
        'a'.repeat(300),
        '%00',
        '<b>',
        'registry.example.com',
        'security/nginx:1.27',
      ),
    );
    const path = fc.array(part, { maxLength: 5 }).map((parts) => parts.map(encodeURIComponent).join('/'));
    const root = fc.constantFrom(
      '/profiles/',
      '/images/',
      '/why?reference=',
      `${profile}:1.27?from=`,
      `${profile}:1.27/-/`,
    );
    await fc.assert(
      fc.asyncProperty(root, path, async (start, rest) => {
        const { statusCode, body } = await get(`${start}${rest}`);
        assert.ok(statusCode < 500, `${statusCode} ${body}`);
      }),
      { numRuns: 200 },
    );
  });
});
