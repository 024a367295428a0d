import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { formatReference } from '#lib/registry/reference';
import { parseVersion } from '#lib/registry/version-tags';
import { type ProjectReading, parseProject } from './parse-project.ts';
import type { Project } from './project.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const listing: ProjectReading['listProfiles'] = async (directory) =>
  (directory.endsWith('profiles') ? ['nginx.json', 'db/redis.json'] : []).map((name) => ({
    name,
    file: `${directory}/${name}`,
  }));
const parse = (text: string, reading: Partial<ProjectReading> = {}): Promise<Project> =>
  parseProject(text, 'ci/fairlead.yaml', { listProfiles: listing, ...reading });
const common = 'repository: ghcr.io/acme/profiles\nversion: 1.4.2\n';

describe('parseProject', () => {
  it('returns files and directories with what is set for all and for one', async () => {
    const { profiles, latest, failOn, overwrite } = await parse(`${common}
latest: true
failOn: loosened
overwrite: false
policy: ../policy.yaml
signer: {key: keys/ci.key, passphraseFile: /run/passphrase}
annotations: {team: web, tier: one}
profiles:
  - directory: profiles
  - file: special.json
    name: odd
    version: 2.0.0+build.1
    annotations: {team: db}
    signer: {key: "awskms:///alias/ci"}
    policy: /etc/policy.yaml
  - {file: tagged.json, repository: quay.io/acme/tagged, tag: stable, signer: {keyless: true, signingConfig: s.json}}
  - {file: image.json, subject: "ghcr.io/acme/app@${digest}", signer: {unsigned: true}}
`);
    assert.deepEqual({ latest, failOn, overwrite }, { latest: true, failOn: 'loosened', overwrite: false });
    const shown = profiles.map(({ name, file, reference, version, policy, signer, subject, annotations }) => ({
      name,
      file,
      reference: formatReference(reference),
      version: version?.raw,
      policy,
      signer,
      subject,
      annotations,
    }));
    const shared = {
      version: '1.4.2',
      policy: 'policy.yaml',
      signer: { key: 'ci/keys/ci.key', passphraseFile: '/run/passphrase' },
      subject: undefined,
      annotations: { team: 'web', tier: 'one' },
    };
    assert.deepEqual(shown, [
      { ...shared, name: 'nginx', file: 'ci/profiles/nginx.json', reference: 'ghcr.io/acme/profiles/nginx' },
      { ...shared, name: 'db/redis', file: 'ci/profiles/db/redis.json', reference: 'ghcr.io/acme/profiles/db/redis' },
      {
        ...shared,
        name: 'odd',
        file: 'ci/special.json',
        reference: 'ghcr.io/acme/profiles/odd',
        version: '2.0.0+build.1',
        policy: '/etc/policy.yaml',
        signer: { key: 'awskms:///alias/ci' },
        annotations: { team: 'db', tier: 'one' },
      },
      {
        ...shared,
        name: 'tagged',
        file: 'ci/tagged.json',
        reference: 'quay.io/acme/tagged:stable',
        version: undefined,
        signer: { keyless: true, signingConfig: 'ci/s.json' },
      },
      {
        ...shared,
        name: 'image',
        file: 'ci/image.json',
        reference: 'ghcr.io/acme/app',
        version: undefined,
        signer: { unsigned: true },
        subject: digest,
      },
    ]);
  });

  it('takes version and tag of the command line for all, except those of an image', async () => {
    const text = `${common}profiles: [{file: a.json}, {file: b.json, tag: x}, {file: c.json, subject: "ghcr.io/a/c@${digest}"}]`;
    const versioned = await parse(text, { version: parseVersion('3.0.0') });
    assert.deepEqual(
      versioned.profiles.map(({ reference, version }) => [reference.tag, version?.version]),
      [
        [undefined, '3.0.0'],
        [undefined, '3.0.0'],
        [undefined, undefined],
      ],
    );
    const tagged = await parse(text, { tag: 'main' });
    assert.deepEqual(
      tagged.profiles.map(({ reference, version }) => [reference.tag, version]),
      [
        ['main', undefined],
        ['main', undefined],
        [undefined, undefined],
      ],
    );
  });

  it('parses the example of the guide', async () => {
    const guide = await readFile(new URL('../../docs/guides/publishing.md', import.meta.url), 'utf8');
    const [, example = ''] = /```yaml\n(# fairlead\.yaml.*?)```/s.exec(guide) ?? [];
    const { profiles } = await parse(example);
    assert.deepEqual(
      profiles.map(({ name }) => name),
      ['nginx', 'db/redis', 'edge-proxy', 'app'],
    );
  });

  const refused: readonly (readonly [what: string, text: string, message: RegExp])[] = [
    ['an empty file', '', /fairlead\.yaml:1:1: profiles is missing/],
    ['no profiles', `${common}profiles: []`, /:3:11: profiles: empty list/],
    ['an unknown key', `${common}profilez: []`, /:3:1: unknown key "profilez"/],
    ['an unknown key of a profile', `${common}profiles: [{file: a.json, taag: x}]`, /unknown key "taag"/],
    ['a file and a directory', `${common}profiles: [{file: a.json, directory: b}]`, /:3:12: want either/],
    ['neither', `${common}profiles: [{name: a}]`, /want either "file" or "directory"/],
    ['a name for a directory', `${common}profiles: [{directory: profiles, name: a}]`, /"name" is for one profile/],
    ['no repository', 'version: 1.0.0\nprofiles: [{file: a.json}]', /"repository" is missing/],
    [
      'a repository with a tag',
      'repository: ghcr.io/a\nprofiles: [{file: a.json, repository: "ghcr.io/a/b:1"}]',
      /has a tag/,
    ],
    [
      'an invalid repository',
      'repository: acme\nversion: 1.0.0\nprofiles: [{file: a.json}]',
      /:1:13: invalid reference/,
    ],
    ['a name that is not one of a repository', `${common}profiles: [{file: My Profile.json}]`, /invalid repository/],
    ['no version', 'repository: ghcr.io/a\nprofiles: [{file: a.json}]', /neither "version" nor "tag" is set/],
    ['a version and a tag', `${common}tag: x\nprofiles: [{file: a.json}]`, /"version" and "tag" cannot/],
    ['an invalid version', 'repository: ghcr.io/a\nversion: one\nprofiles: [{file: a.json}]', /:2:10: invalid version/],
    ['an invalid tag', 'repository: ghcr.io/a\ntag: "a b"\nprofiles: [{file: a.json}]', /:2:6: invalid tag/],
    ['a subject without digest', `${common}profiles: [{file: a.json, subject: "ghcr.io/a/b:1"}]`, /needs the digest/],
    [
      'a subject in another repository',
      `${common}profiles: [{file: a.json, repository: ghcr.io/x/y, subject: "ghcr.io/a/b@${digest}"}]`,
      /published to the repository of its image/,
    ],
    ['two ways to sign', `${common}signer: {key: a, keyless: true}\nprofiles: [{file: a.json}]`, /:3:9: want one of/],
    [
      'a passphrase without a key',
      `${common}signer: {keyless: true, passphraseFile: a}\nprofiles: [{file: a.json}]`,
      /needs "key"/,
    ],
    [
      'a service without a signer',
      `${common}signer: {unsigned: true, trustedRoot: a}\nprofiles: [{file: a.json}]`,
      /no effect/,
    ],
    ['another gate', `${common}failOn: changed\nprofiles: [{file: a.json}]`, /failOn: invalid value .*loosened/],
    ['two profiles of a name', `${common}profiles: [{file: a.json}, {file: b/a.json}]`, /two profiles have the name a/],
    [
      'two profiles for one tag',
      `${common}profiles: [{file: a.json, repository: ghcr.io/x/y}, {file: b.json, repository: ghcr.io/x/y}]`,
      /two profiles have the reference ghcr\.io\/x\/y/,
    ],
    [
      'two spellings of one registry',
      `${common}profiles: [{file: a.json, repository: "localhost:5000/x"}, {file: b.json, repository: "LOCALHOST:05000/x"}]`,
      /two profiles have the reference localhost:5000\/x:1\.4\.2/,
    ],
    [
      'a tag that a version moves',
      `${common}profiles: [{file: a.json, repository: ghcr.io/x}, {file: b.json, repository: ghcr.io/x, tag: "1.4"}]`,
      /two profiles have the reference ghcr\.io\/x:1\.4/,
    ],
    [
      'control characters in a name',
      `${common}profiles: [{file: a.json, name: "a\\n::x", repository: ghcr.io/x}]`,
      /invalid name/,
    ],
    ['an alias', `${common}x: &a 1\nprofiles: [*a]`, /aliases/],
  ];
  for (const [what, text, message] of refused) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(parse(text), (error) => {
        assert.ok(error instanceof FairleadError, String(error));
        assert.equal(error.kind, 'InvalidInput');
        assert.match(error.message, message);
        assert.match(error.message, /^ci\/fairlead\.yaml:/);
        assert.ok(error.hint);
        return true;
      });
    });
  }
});
