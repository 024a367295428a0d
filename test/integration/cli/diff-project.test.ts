import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { GitRepository } from '#test/support/ci/git-repository';
import { profileText } from '#test/support/ci/profiles-project';
import { failed, runFairlead, succeeded } from '#test/support/cli/run';

const project = (...profiles: string[]) =>
  `repository: registry.example.com/acme\nprofiles:\n${profiles.map((each) => `  - ${each}\n`).join('')}`;

describe('fairlead diff of a project', () => {
  let folder = '';
  let repository: GitRepository;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-project-'));
    repository = new GitRepository(folder);
    repository.write({
      'fairlead.yaml': project('{file: nginx.json}', '{directory: more}'),
      'nginx.json': profileText(),
      'more/redis.json': profileText(),
      'unrelated.json': profileText(),
    });
    repository.commit('base');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const diff = (...args: string[]) => runFairlead(['diff', '--base', 'HEAD', ...args], { cwd: folder });
  const gate = (...args: string[]) => diff('--fail-on', 'loosened', ...args);
  const changes = async (...args: string[]) => {
    const { profiles } = JSON.parse(succeeded(await diff('--output', 'json', ...args)));
    return profiles.map(({ name, change, loosened }: Record<string, unknown>) => `${name} ${change} ${loosened}`);
  };

  it('compares the profiles that it names, and no others', async () => {
    assert.equal(succeeded(await diff()), '2 unchanged\n');
    repository.write({ 'unrelated.json': profileText('mount'), 'more/redis.json': profileText('mount') });
    repository.write({ 'more/postgres.json': profileText(), 'nginx.json': profileText('getpid') });
    failed(await gate(), 1, /^failed: 2 profiles permit more than before: nginx \(getpid\), redis \(mount\)$/m);
    assert.deepEqual(await changes(), ['nginx changed true', 'redis changed true', 'postgres new false']);
  });

  it('compares what is published to the same repository, whatever file and name it has', async () => {
    // A new file for the repository of an old one, which is deleted.
    const name = '{file: other.json, name: web, repository: registry.example.com/acme/nginx}';
    repository.write({ 'fairlead.yaml': project(name, '{directory: more}'), 'nginx.json': undefined });
    repository.write({ 'other.json': profileText('mount') });
    assert.deepEqual(await changes(), ['web renamed true']);
    // The file of another profile.
    repository.write({ 'fairlead.yaml': project('{file: other.json, name: nginx}', '{directory: more}') });
    assert.deepEqual(await changes(), ['nginx changed true']);
    failed(await gate(), 1, /nginx \(mount\)/);
  });

  it('compares the files of a new project with those of the commit', async () => {
    repository.write({ 'new.yaml': project('{file: unrelated.json, name: app}', '{file: nginx.json}') });
    repository.write({ 'unrelated.json': profileText('mount') });
    assert.deepEqual(await changes('--project', 'new.yaml'), ['app changed true']);
    repository.write({ 'new.yaml': project('{file: fresh.json}'), 'fresh.json': profileText() });
    assert.deepEqual(await changes('--project', 'new.yaml'), ['fresh new false']);
  });

  it('reads files above the directory of the project', async () => {
    repository.write({ 'sub/fairlead.yaml': project('{file: ../nginx.json}', '{directory: ../more}') });
    repository.commit('sub');
    repository.write({ 'more/redis.json': profileText('mount') });
    const found = await gate('--project', 'sub/fairlead.yaml');
    failed(found, 1, /redis \(mount\)/);
    const inside = await runFairlead(['diff', '--base', 'HEAD', '--output', 'json'], { cwd: join(folder, 'sub') });
    assert.equal(JSON.parse(succeeded(inside)).loosened, true);
  });

  it('counts a change as loosened if the old file is not in the commit', async () => {
    // What both projects read at the same place outside of the commit would always be unchanged.
    const outside = await mkdtemp(join(tmpdir(), 'fairlead-outside-'));
    const other = new GitRepository(outside);
    other.write({ 'a.json': profileText('mount') });
    await symlink(join(outside, 'a.json'), join(folder, 'linked.json'));
    repository.write({ 'fairlead.yaml': project('{file: linked.json}') });
    repository.commit('linked');
    failed(await gate(), 1, /linked/);
    assert.match((await diff()).stdout, /is treated as loosened: the old file is not a valid profile/);
    await rm(outside, { recursive: true });
  });

  it('reports an invalid project, and options that exclude each other', async () => {
    failed(await diff('--project', 'none.yaml'), 2, /cannot read none\.yaml/);
    failed(await diff('--project', 'fairlead.yaml', 'more'), 2, /--project and a path cannot be used together/);
    failed(await runFairlead(['diff', '--project', 'fairlead.yaml'], { cwd: folder }), 2, /--project needs --base/);
    repository.write({ 'fairlead.yaml': `${project('{file: nginx.json}')}profile: x\n` });
    failed(await diff(), 2, /fairlead\.yaml:4:1/);
    repository.write({ 'fairlead.yaml': project('{file: gone.json}') });
    const gone = await diff();
    failed(gone, 2, /cannot read gone\.json/);
    assert.match(gone.stdout, /^gone: invalid$/m);
  });

  it('refuses a link that leads out of a directory, as lint and push do', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'fairlead-outside-'));
    try {
      await writeFile(join(outside, 'secret.json'), profileText('mount'));
      await symlink(join(outside, 'secret.json'), join(folder, 'more/leak.json'));
      const publishing = ['--tag', 'x', '--unsigned', '--oci-layout', 'layout', '--dry-run'];
      for (const args of [['diff', '--base', 'HEAD'], ['lint'], ['push', ...publishing]]) {
        const result = await runFairlead(args, { cwd: folder });
        assert.match(`${result.stdout}${result.stderr}`, /more\/leak\.json is a link to a file outside/, args[0]);
        assert.equal(result.code, 2, args[0]);
      }
    } finally {
      await rm(outside, { recursive: true });
    }
  });

  it('takes profiles of one repository under different tags', async () => {
    const tagged = (name: string) => `{file: ${name}.json, repository: registry.example.com/acme/all, tag: ${name}}`;
    repository.write({ 'fairlead.yaml': project(tagged('nginx'), tagged('unrelated')) });
    repository.commit('tags');
    assert.equal(succeeded(await diff()), '2 unchanged\n');
    succeeded(await runFairlead(['lint'], { cwd: folder }));
  });

  it('is what lint checks without a path', async () => {
    repository.write({ 'more/redis.json': profileText('mownt') });
    const checked = JSON.parse(succeeded(await runFairlead(['lint', '--output', 'json'], { cwd: folder })));
    assert.deepEqual(
      checked.profiles.map(({ file }: { file: string }) => file),
      ['nginx.json', 'more/redis.json'],
    );
    failed(await runFairlead(['lint', '--fail-on', 'warning'], { cwd: folder }), 1, /warning/);
    await rm(join(folder, 'fairlead.yaml'));
    const { profiles } = JSON.parse(succeeded(await runFairlead(['lint', '--output', 'json'], { cwd: folder })));
    assert.equal(profiles.length, 3);
  });
});
