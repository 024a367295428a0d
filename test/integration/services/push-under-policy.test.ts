import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { peer } from '#test/peers/peer';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { failed, run, succeeded } from '#test/support/cli/run';
import { fairlead, folder, policy } from '#test/support/cli/signing-folder';

describePeers(['docker-registry', 'oras', 'cosign'], 'fairlead push --policy', () => {
  let registry: Registry;
  let strict: string;
  before(async () => {
    registry = await startRegistry();
    strict = await policy('strict.yaml', `rules: [{match: "${registry.host}/ours/**", require: [{key: a.pub}]}]\n`);
    await writeFile(join(folder, 'q.json'), '{"defaultAction":"SCMP_ACT_ERRNO"}');
  });
  after(() => registry.stop());

  const digestAt = async (reference: string): Promise<string> =>
    succeeded(await run(peer('oras'), ['resolve', '--plain-http', reference])).trim();

  it('tags what the policy admits, and says by which rule and signature', async () => {
    const reference = `${registry.host}/ours/nginx:1`;
    const args = ['push', 'p.json', reference, '--key', 'a.key', '--policy', strict];
    const published = JSON.parse(succeeded(await fairlead([...args, '--output', 'json'])));
    assert.equal(await digestAt(reference), published.digest);
    assert.equal(published.verification.signatures[0].manifest, published.signature);
    assert.match(succeeded(await fairlead(args)), new RegExp(`^rule {7}${registry.host}/ours/\\*\\*$`, 'm'));
    const cosign = ['verify', '--key', 'a.pub', '--insecure-ignore-tlog', '--allow-http-registry', reference];
    succeeded(await run(peer('cosign'), cosign, { cwd: folder, env: { HOME: folder } }));
  });

  it('leaves the tag where it was for a key that the policy does not ask for', async () => {
    const reference = `${registry.host}/ours/redis:1`;
    succeeded(await fairlead(['push', 'p.json', reference, '--key', 'a.key']));
    const standing = await digestAt(reference);
    const args = ['push', 'q.json', reference, '--key', 'b.key', '--policy', strict];
    failed(
      await fairlead(args),
      5,
      /^error: sent, but not tagged: no signature of .* meets rule .*:\n {2}sha256:.*\nhint: /,
    );
    assert.equal(await digestAt(reference), standing);
    succeeded(await fairlead(['verify', reference, '--policy', strict]));
  });

  it('sends nothing to where the policy has no rule for, nor what is too large for it', async () => {
    const elsewhere = `${registry.host}/theirs/nginx:1`;
    const before = await readFile(registry.log, 'utf8');
    failed(await fairlead(['push', 'p.json', elsewhere, '--key', 'a.key', '--policy', strict]), 4, /does not allow/);
    const tight = await policy('tight.yaml', `limits: {artifactBytes: 50}\nrules: [{match: "**", unsigned: true}]\n`);
    failed(await fairlead(['push', 'p.json', elsewhere, '--unsigned', '--policy', tight]), 10, /more than the 50/);
    assert.equal(await readFile(registry.log, 'utf8'), before);
  });
});
