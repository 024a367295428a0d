import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { type Finished, failed, succeeded } from '#test/support/cli/run';
import { fairlead, folder, policy } from '#test/support/cli/signing-folder';

const profileOf = (...names: string[]): string =>
  JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] });

describePeers(['docker-registry'], 'a version range in a reference', () => {
  let registry: Registry;
  let nginx = '';
  const digests = new Map<string, string>();
  before(async () => {
    registry = await startRegistry();
    nginx = `${registry.host}/profiles/nginx`;
    for (const [tag, names] of [
      ['1.4.1', ['read']],
      ['1.4.10_build.7', ['read', 'write']],
      ['1.5.0-rc.1', ['read', 'write', 'open']],
      ['2.0.0', ['read', 'write', 'mount']],
    ] as const) {
      await writeFile(join(folder, 'version.json'), profileOf(...names));
      const pushed = await fairlead(['push', 'version.json', `${nginx}:${tag}`, '--key', 'a.key', '--output', 'json']);
      digests.set(tag, JSON.parse(succeeded(pushed)).digest);
    }
    succeeded(await fairlead(['tag', `${nginx}:2.0.0`, 'latest', 'nightly']));
  });
  after(() => registry.stop());

  const json = async (args: readonly string[]) => JSON.parse(succeeded(await fairlead([...args, '--output', 'json'])));

  it('is the newest version that satisfies it, and the result names its tag and digest', async () => {
    const finished = await fairlead(['verify', `${nginx}@^1.4`, '--key', 'a.pub']);
    assert.match(
      succeeded(finished),
      new RegExp(`^verified +${nginx}:1\\.4\\.10_build\\.7\\n(?:.*\\n)*digest +${digests.get('1.4.10_build.7')}`),
    );
    assert.equal(finished.stderr, `note: ${nginx}@^1.4 is 1.4.10_build.7\n`);
    for (const [range, tag] of [
      ['*', '2.0.0'],
      ['1.4.1', '1.4.1'],
      ['>=1.5.0-rc.0 <2', '1.5.0-rc.1'],
    ] as const) {
      const inspected = await json(['inspect', `${nginx}@${range}`]);
      assert.deepEqual([inspected.reference, inspected.digest], [`${nginx}:${tag}`, digests.get(tag)]);
    }
    assert.equal(succeeded(await fairlead(['pull', `${nginx}@^1`, '--key', 'a.pub'])), profileOf('read', 'write'));
    const listed = await json(['referrers', `${nginx}@^2`]);
    assert.equal(listed.digest, digests.get('2.0.0'));
  });

  it('is taken wherever a profile is', async () => {
    const found = await json(['diff', `oci://${nginx}@1.x`, `oci://${nginx}@2.x`, '--key', 'a.pub']);
    assert.deepEqual(
      [found.from, found.to, found.loosened],
      [`${nginx}:1.4.10_build.7@${digests.get('1.4.10_build.7')}`, `${nginx}:2.0.0@${digests.get('2.0.0')}`, true],
    );
    const gate = await fairlead(['diff', `${nginx}@~1.4`, 'version.json', '--key', 'a.pub', '--fail-on', 'loosened']);
    failed(gate, 1, /nginx:1\.4\.10_build\.7@sha256:\w+ does not: mount/);
  });

  it('selects what gets another tag', async () => {
    const { tagged } = await json(['tag', `${nginx}@^1.4`, 'stable']);
    assert.deepEqual(tagged, [`${nginx}:stable@${digests.get('1.4.10_build.7')}`]);
  });

  it('selects what is copied and saved, under its tag', async () => {
    const digest = digests.get('1.4.10_build.7');
    const copied = await json(['copy', `${nginx}@^1.4`, `${registry.host}/copied/nginx`]);
    assert.equal(copied.reference, `${registry.host}/copied/nginx:1.4.10_build.7@${digest}`);
    const { saved } = await json(['save', `${nginx}@^1.4`, 'saved.tar']);
    assert.equal(saved[0].reference, `${nginx}:1.4.10_build.7@${digest}`);
    const all = await fairlead(['copy', '--all-tags', `${nginx}@^1.4`, `${registry.host}/all/nginx`]);
    failed(all, 2, /a version range is not supported here/);
  });

  it('that no version satisfies is an error with those that exist', async () => {
    const none = await fairlead(['verify', `${nginx}@^3`, '--key', 'a.pub']);
    failed(
      none,
      7,
      /@\^3 names no version: no tag of the repository is in the range\nhint: .*2\.0\.0, 1\.5\.0-rc\.1, 1\.4\.10_/,
    );
    failed(await fairlead(['lint', `${registry.host}/absent@^1`, '--key', 'a.pub']), 7, /absent/);
    failed(await fairlead(['inspect', `${nginx}@^1.a`]), 2, /invalid version range/);
  });

  it('is not looked up in a repository that the policy does not allow', async () => {
    await policy('elsewhere.yaml', 'rules:\n  - {match: "ghcr.io/**", require: [{key: a.pub}]}\n');
    const requests = registry.log.length;
    for (const command of ['verify', 'pull', 'lint']) {
      failed(await fairlead([command, `${nginx}@^1`, '--policy', 'elsewhere.yaml']), 4, /does not allow/);
    }
    assert.equal(registry.log.length, requests);
  });

  it('names nothing to publish, sign or overwrite', async () => {
    const requests = registry.log.length;
    const refused: readonly Finished[] = [
      await fairlead(['push', 'p.json', `${nginx}@^1`, '--key', 'a.key']),
      await fairlead(['sign', `${nginx}@^1`, '--key', 'a.key']),
      await fairlead([
        'attest',
        `${nginx}@^1`,
        '--key',
        'a.key',
        '--type',
        'https://acme.example/review/v1',
        '--predicate',
        'p.json',
      ]),
      await fairlead(['copy', `${nginx}:2.0.0`, `${nginx}@^1`]),
    ];
    for (const each of refused)
      failed(each, 2, /a version range is not supported here\nhint: .*registry\/repository:TAG/);
    assert.equal(registry.log.length, requests);
  });
});
