import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { peer } from '#test/peers/peer';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import type { JobResult } from '#test/support/ci/github-runner';
import { ProfilesProject, profileText } from '#test/support/ci/profiles-project';
import { startTokenEndpoint, type TokenEndpoint } from '#test/support/ci/token-endpoint';
import { run, succeeded } from '#test/support/cli/run';
import { type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { identityToken, type SigstoreServer, serveSigstore } from '#test/support/sigstore/sigstore-server';

const issuer = 'https://token.actions.githubusercontent.com';
const identity = 'https://github.com/acme/fairlead/.github/workflows/profiles.yml@refs/tags/v0';
const user = { username: 'ci', password: 'pass word$(exit 1)' };

interface PublishedProfile {
  readonly name: string;
  readonly status: string;
  readonly loosened: boolean;
  readonly reference: string;
  readonly digest: string;
}

describePeers(
  ['docker-registry', 'cosign', 'oras', 'crane', 'skopeo'],
  'the workflow of GitHub, from a pull request to the registry',
  () => {
    let folder = '';
    let registry: Registry;
    let sigstore: PrivateSigstore;
    let services: SigstoreServer;
    let tokens: TokenEndpoint;
    let project: ProfilesProject;
    let published: readonly PublishedProfile[] = [];
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'fairlead-publish-'));
      registry = await startRegistry({ user });
      sigstore = await privateSigstore();
      services = await serveSigstore(sigstore, { subjectClaim: 'sub' });
      const noMail = { email: undefined, email_verified: undefined };
      tokens = await startTokenEndpoint(async (audience) =>
        audience === 'sigstore' ? identityToken(issuer, identity, noMail) : undefined,
      );
      await writeFile(join(folder, 'root.json'), JSON.stringify(sigstore.trustedRoot));
      await writeFile(join(folder, 'signing.json'), JSON.stringify(services.signingConfig));
      project = new ProfilesProject(folder, {
        'fairlead.yaml': `repository: ${registry.host}/acme/profiles\ntag: stable\nprofiles: [{directory: profiles}]\n`,
        'README.md': '# Profiles\n',
      });
    });
    after(async () => {
      await Promise.all([registry.stop(), services.stop(), tokens.stop()]);
      await rm(folder, { recursive: true });
    });

    /** Runs the workflow for what main was before, and returns its job that publishes. */
    async function push(before: string, args = ''): Promise<JobResult> {
      const jobs = await project.push(
        before,
        {
          registry: registry.host,
          username: user.username,
          args: `--signing-config=${join(folder, 'signing.json')}\n--trusted-root=${join(folder, 'root.json')}\n${args}`,
        },
        { secrets: { password: user.password }, tokens },
      );
      assert.equal(jobs['review']?.result, 'skipped');
      return jobs['publish'] ?? assert.fail('there is no job publish');
    }

    const profilesOf = ({ outputs }: JobResult): readonly PublishedProfile[] => JSON.parse(outputs['profiles'] ?? '[]');
    const manifests = (): number => registry.log.match(/"PUT \/v2\/[^"]*\/manifests\//g)?.length ?? 0;

    it('publishes everything on the first push, with one identity', async () => {
      const job = await push('0'.repeat(40));
      assert.equal(job.result, 'success', job.steps.map(({ stderr }) => stderr).join('\n'));
      assert.deepEqual(job.permissions, { contents: 'read', packages: 'write', 'id-token': 'write' });
      published = profilesOf(job);
      assert.equal(published.length, 30);
      assert.ok(published.every(({ status, loosened }) => status === 'published' && !loosened));
      assert.equal(tokens.issued, 1);
      const step = job.steps.at(-1);
      assert.match(step?.summary ?? '', /^\*\*30 published; signer: `[^`]*profiles\.yml@refs\/tags\/v0[^`]*`\*\*\n/);
      assert.match(step?.summary ?? '', /^\| `profile-01` \| published \| `stable` \| `sha256:[0-9a-f]{64}` \|$/m);
      assert.equal(JSON.parse(step?.outputs['digest'] ?? '').length, 30);
    });

    it('reviews a pull request that loosens one profile, adds one and deletes one', async () => {
      project.repository.branch('change', {
        'profiles/profile-07.json': profileText('getpid', 'mount'),
        'profiles/new.json': profileText(),
        'profiles/profile-13.json': undefined,
      });
      const before = [manifests(), tokens.issued];
      const stopped = await project.review('change');
      assert.deepEqual([stopped['review']?.result, stopped['publish']?.result], ['failure', 'skipped']);
      const diff = stopped['review']?.steps.at(-1);
      assert.deepEqual(
        diff?.commands.filter(({ command }) => command === 'error').map(({ properties }) => properties['file']),
        ['profiles/profile-07.json'],
      );
      assert.match(diff?.summary ?? '', /^\*\*1 loosened, 1 new, 1 deleted, 28 unchanged\*\*\n/);
      const found: { name: string }[] = JSON.parse(diff?.outputs['profiles'] ?? '');
      assert.deepEqual(
        found.map(({ name }) => name),
        ['profile-07', 'new', 'profile-13'],
      );
      const approved = await project.review('change', { labels: ['loosens'] });
      assert.equal(approved['review']?.result, 'success');
      assert.deepEqual([manifests(), tokens.issued], before);
    });

    it('publishes what was merged, and reports what was deleted', async () => {
      const before = project.repository.git('rev-parse', 'main');
      project.repository.merge('change', { trial: false });
      const job = await push(before);
      assert.equal(job.result, 'success', job.steps.map(({ stderr }) => stderr).join('\n'));
      const profiles = profilesOf(job);
      const changed = profiles.filter(({ status }) => status !== 'unchanged');
      assert.deepEqual(
        changed.map(({ name, status, loosened }) => [name, status, loosened]),
        [
          ['new', 'published', false],
          ['profile-07', 'published', true],
        ],
      );
      assert.equal(profiles.length, 30);
      assert.equal(job.outputs['changed'], 'true');
      const [report, result] = job.steps.slice(-2);
      assert.match(report?.summary ?? '', /^## `profile-13`: deleted$/m);
      assert.match(result?.summary ?? '', /^## `profile-07`: loosened\n\nCompared with /m);
      const annotated = result?.commands.filter(({ properties }) => properties['title'] === 'loosened');
      assert.deepEqual(
        annotated?.map(({ properties: { file, line } }) => [file, line]),
        [['profiles/profile-07.json', '17']],
      );
      published = [...published, ...changed];
    });

    it('changes nothing in a second run', async () => {
      const before = manifests();
      const job = await push(project.repository.git('rev-parse', 'main^1'));
      assert.equal(job.result, 'success');
      assert.ok(profilesOf(job).every(({ status }) => status === 'unchanged'));
      assert.equal(job.outputs['changed'], 'false');
      assert.equal(manifests(), before);
    });

    it('leaves out provenance if asked to', async () => {
      const program = join(folder, 'spy');
      await writeFile(program, '#!/bin/sh\necho "$@"\n', { mode: 0o755 });
      const before = project.repository.git('rev-parse', 'main^1');
      for (const provenance of [true, false]) {
        const { publish } = await project.push(before, { program, provenance }, { tokens });
        const arguments_ = publish?.steps.at(-1)?.stdout.split(/[ \n]/) ?? [];
        assert.ok(arguments_.includes('push') && arguments_.includes('--keyless'));
        assert.equal(arguments_.includes('--provenance'), provenance);
      }
    });

    it('reports what it refuses and what fails, and publishes the others', async () => {
      const before = project.repository.git('rev-parse', 'main');
      project.repository.branch('mixed', {
        'profiles/profile-01.json': profileText('getpid', 'ptrace'),
        'profiles/profile-02.json': profileText('gettid').replace('"names"', '"name"'),
        'profiles/profile-03.json': profileText(),
      });
      project.repository.merge('mixed', { trial: false });
      const job = await push(before, '--fail-on=loosened');
      assert.equal(job.result, 'failure');
      const step = job.steps.at(-1);
      const results = new Map(
        (JSON.parse(step?.outputs['profiles'] ?? '') as PublishedProfile[]).map(({ name, status }) => [name, status]),
      );
      const names = ['profile-01', 'profile-02', 'profile-03', 'profile-04'];
      assert.deepEqual(
        names.map((name) => results.get(name)),
        ['refused', 'failed', 'published', 'unchanged'],
      );
      const errors = step?.commands.filter(({ command }) => command === 'error') ?? [];
      assert.deepEqual(
        errors.map(({ properties }) => `${properties['file']} ${properties['title']}`),
        [
          'profiles/profile-01.json not-published',
          'profiles/profile-01.json loosened',
          'profiles/profile-02.json invalid-profile',
        ],
      );
      assert.match(
        step?.summary ?? '',
        /^\| `profile-02` \| failed: `.*` \| {2}\| {2}\|\n\| `profile-01` \| refused: `/m,
      );
      const listed = JSON.parse(step?.outputs['profiles'] ?? '') as PublishedProfile[];
      const stopped = listed.find(({ name }) => name === 'profile-01');
      assert.deepEqual([stopped?.status, stopped?.reference, stopped?.digest], ['refused', null, null]);
      assert.match(step?.summary ?? '', /^\| `profile-01` \| refused: `.*` \| `stable` \| {2}\|$/m);
      assert.match(step?.summary ?? '', /^## `profile-01`: loosened$/m);
      assert.deepEqual([step?.outputs['changed'], step?.outputs['loosened']], ['true', 'true']);
      published = [
        ...published,
        ...(JSON.parse(step?.outputs['profiles'] ?? '') as PublishedProfile[]).filter(
          ({ name }) => name === 'profile-03',
        ),
      ];
    });

    it('has published what cosign verifies, and oras, crane and skopeo read', async () => {
      const env = { HOME: folder, DOCKER_CONFIG: folder, REGISTRY_AUTH_FILE: join(folder, 'config.json') };
      const auth = Buffer.from(`${user.username}:${user.password}`).toString('base64');
      await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
      const peers = (name: 'cosign' | 'crane' | 'oras' | 'skopeo', args: readonly string[]) =>
        run(peer(name), args, { cwd: folder, env });
      const options = ['--trusted-root', 'root.json', '--allow-http-registry', '--certificate-oidc-issuer', issuer];
      assert.equal(published.length, 33);
      for (const { reference } of published) {
        succeeded(await peers('cosign', ['verify', ...options, '--certificate-identity', identity, reference]));
      }
      const [{ reference = '', digest = '' } = {}] = published.slice(-1);
      const evil = await peers('cosign', ['verify', ...options, '--certificate-identity', `${identity}x`, reference]);
      assert.notEqual(evil.code, 0);
      const provenance = [
        'verify-attestation',
        '--type',
        'slsaprovenance1',
        ...options,
        '--certificate-identity',
        identity,
      ];
      const attestation = JSON.parse(succeeded(await peers('cosign', [...provenance, reference])).split('\n')[0] ?? '');
      const statement = JSON.parse(Buffer.from(attestation.payload, 'base64').toString());
      assert.deepEqual(statement.predicate.buildDefinition.resolvedDependencies, [
        {
          uri: 'git+https://github.com/acme/profiles@refs/heads/main',
          digest: { gitCommit: project.repository.git('rev-parse', 'main') },
        },
      ]);
      const tag = reference.replace(/@.*/, ':stable');
      assert.equal(succeeded(await peers('crane', ['digest', '--insecure', tag])).trim(), digest);
      assert.equal(succeeded(await peers('oras', ['resolve', '--plain-http', tag])).trim(), digest);
      const inspected = succeeded(await peers('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${tag}`]));
      assert.equal(JSON.parse(inspected).layers.length, 1);
      succeeded(await peers('oras', ['pull', '--plain-http', '--output', 'pulled', tag]));
    });
  },
);
