import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseReference } from '#lib/registry/reference';
import { remoteRepository } from '#lib/registry/remote/repository';
import { fetchSignatures } from '#lib/trust/verify/fetch-signatures';
import { peer } from '#test/peers/peer';
import { startRefreg } from '#test/peers/refreg';
import { startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { type Finished, run, succeeded } from '#test/support/cli/run';
import { startServe } from '#test/support/cli/serve';
import { fairlead, folder, policy } from '#test/support/cli/signing-folder';

const review = 'https://acme.example/review/v1';

for (const [name, peers, start] of [
  ['docker-registry (fallback tag)', ['docker-registry'], startRegistry],
  ['a registry with the referrers API', ['refreg'], startRefreg],
] as const) {
  describePeers([...peers, 'cosign', 'cosign-2'], `publishing again what is signed, at ${name}`, () => {
    let registry: { readonly host: string; stop(): Promise<void> };
    before(async () => {
      registry = await start();
      await writeFile(join(folder, 'review.json'), '{"verdict": "good"}');
    });
    after(() => registry.stop());

    const json = async (...args: string[]) => JSON.parse(succeeded(await fairlead([...args, '--output', 'json'])));
    const signatures = async (reference: string): Promise<number> => {
      const parsed = parseReference(reference);
      const target = remoteRepository(parsed);
      const descriptor = await target.resolve(parsed.digest ?? parsed.tag ?? '');
      return (await fetchSignatures(target, descriptor, { attestations: [review] })).length;
    };
    const cosign = async (version: 'cosign' | 'cosign-2', ...args: string[]): Promise<Finished> =>
      run(peer(version), args, {
        cwd: folder,
        env: { HOME: folder, COSIGN_PASSWORD: '' },
      });

    for (const format of ['bundle', 'legacy'] as const) {
      it(`adds nothing and says so, by push and by sign, with and without a policy: ${format}`, async () => {
        const reference = `${registry.host}/again/${format}:nightly`;
        const admits = await policy(
          'admits.yaml',
          `rules: [{match: "${registry.host}/**", require: [{key: a.pub}]}]\n`,
        );
        const push = ['push', 'p.json', reference, '--key', 'a.key', '--signature-format', format];
        const first = await json(...push);
        assert.equal(first.alreadySigned, false);
        for (const args of [push, [...push, '--policy', admits], ['sign', ...push.slice(2)]]) {
          const { signature, alreadySigned } = await json(...args);
          assert.deepEqual([signature, alreadySigned], [first.signature, true]);
        }
        for (const args of [push, ['sign', ...push.slice(2)]]) {
          const text = succeeded(await fairlead(args));
          assert.match(text, new RegExp(`^signature  ${first.signature} \\(already signed, none added\\)$`, 'm'));
        }
        assert.equal(await signatures(reference), 1);
        succeeded(await fairlead(['verify', reference, '--key', 'a.pub']));
        const verify = ['verify', '--key', 'a.pub', '--insecure-ignore-tlog', '--allow-http-registry', reference];
        succeeded(await cosign(format === 'legacy' ? 'cosign-2' : 'cosign', ...verify));
      });
    }

    it('adds one by another key, and the tag moves all the same', async () => {
      const reference = `${registry.host}/again/others`;
      const args = ['push', 'p.json', `${reference}:1`, '--key', 'a.key'];
      const { digest } = await json(...args);
      assert.equal((await json(...args.with(4, 'b.key'))).alreadySigned, false);
      assert.equal((await json(...args.with(2, `${reference}:2`))).alreadySigned, true);
      assert.equal(await signatures(`${reference}:2`), 2);
      assert.equal((await json('inspect', `${reference}:2`)).digest, digest);
    });

    it('takes what cosign has signed with the same key for signed', async () => {
      const reference = `${registry.host}/again/cosign:1`;
      const published = await json('push', 'p.json', reference, '--unsigned');
      assert.deepEqual([published.signature, published.alreadySigned], [null, false]);
      for (const file of ['cosign.key', 'cosign.pub']) await rm(join(folder, file), { force: true });
      succeeded(await cosign('cosign', 'generate-key-pair'));
      succeeded(await cosign('cosign', 'signing-config', 'create', '--out', 'signing.json'));
      const { reference: pinned } = published;
      const key = ['--yes', '--key', 'cosign.key', '--allow-http-registry'];
      succeeded(await cosign('cosign', 'sign', ...key, '--signing-config', 'signing.json', pinned));
      succeeded(await cosign('cosign-2', 'sign', ...key, '--tlog-upload=false', pinned));
      for (const format of ['bundle', 'legacy']) {
        const env = { COSIGN_PASSWORD: '' };
        const args = ['sign', pinned, '--key', 'cosign.key', '--signature-format', format, '--output', 'json'];
        assert.equal(JSON.parse(succeeded(await fairlead(args, { env }))).alreadySigned, true, format);
      }
      assert.equal(await signatures(reference), 2);
    });

    it('adds no attestation that says the very same', async () => {
      const reference = `${registry.host}/again/attested:1`;
      await json('push', 'p.json', reference, '--key', 'a.key');
      const args = ['attest', reference, '--type', review, '--predicate', 'review.json', '--key', 'a.key'];
      const first = await json(...args);
      const second = await json(...args);
      assert.deepEqual([first.alreadyAttested, second.alreadyAttested], [false, true]);
      assert.equal(second.attestation, first.attestation);
      assert.match(succeeded(await fairlead(args)), /\(already attested, none added\)/);
      assert.equal(await signatures(reference), 2);
    });
  });
}

describe('publishing again by HTTP', () => {
  it('adds no signature, and says so', async () => {
    const listen = ['--push', '127.0.0.1:0', '--pull', '127.0.0.1:0'];
    const services = await startServe(['--embedded', 'served', ...listen], { cwd: folder });
    try {
      const token = (await readFile(join(folder, 'served/token'), 'utf8')).trim();
      const post = async (tag: string) => {
        const response = await fetch(`${services.push}/v1/profiles?reference=localhost/security/nginx:${tag}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
          body: await readFile(join(folder, 'p.json')),
        });
        assert.equal(response.status, 201);
        return Object(await response.json());
      };
      const first = await post('1');
      assert.equal(first.alreadySigned, false);
      for (const tag of ['1', '2', '2']) {
        const { alreadySigned, signature } = await post(tag);
        assert.deepEqual([alreadySigned, signature], [true, first.signature]);
      }
    } finally {
      await services.stop();
    }
  });
});
