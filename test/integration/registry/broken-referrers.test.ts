import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { failed, runFairlead, succeeded } from '#test/support/cli/run';

const profile = '{"defaultAction": "SCMP_ACT_ERRNO"}\n';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';

describePeers(
  ['docker-registry'],
  'a list of referrers that another client wrote over, at a registry without the API',
  () => {
    let cwd = '';
    let registry: Registry;
    let repository = '';
    let digest = '';
    before(async () => {
      cwd = await mkdtemp(join(tmpdir(), 'fairlead-broken-'));
      registry = await startRegistry();
      repository = `${registry.host}/security/nginx`;
      await writeFile(join(cwd, 'nginx.json'), profile);
      await writeFile(
        join(cwd, 'policy.yaml'),
        'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - {match: "**", require: [{key: fairlead.pub}]}\n',
      );
      succeeded(await runFairlead(['keygen'], { cwd }));
      digest = (await fairlead('push', 'nginx.json', `${repository}:1`, '--key', 'fairlead.key')).digest;
    });
    after(async () => {
      await registry.stop();
      await rm(cwd, { recursive: true });
    });

    const fairlead = async (...args: string[]) =>
      JSON.parse(succeeded(await runFairlead([...args, '--output', 'json'], { cwd })));
    const formats = async (reference: string): Promise<string[]> => {
      const { verification } = await fairlead('verify', reference, '--policy', 'policy.yaml');
      return verification.signatures.map(({ format }: { format: string }) => format);
    };
    /** Puts something under the tag of the list, past Fairlead. */
    const putList = async (body: string, type: string): Promise<void> => {
      const url = `http://${registry.host}/v2/security/nginx/manifests/${digest.replace(':', '-')}`;
      const response = await fetch(url, { method: 'PUT', headers: { 'content-type': type }, body });
      assert.equal(response.status, 201, await response.text());
    };
    const manifestOf = async (): Promise<string> => {
      const url = `http://${registry.host}/v2/security/nginx/manifests/${digest}`;
      return (await fetch(url, { headers: { accept: manifestType } })).text();
    };

    it('hides no signature in the other form, from neither verification nor copies', async () => {
      assert.deepEqual(await formats(`${repository}:1`), ['bundle']);
      await fairlead('sign', `${repository}:1`, '--key', 'fairlead.key', '--signature-format', 'legacy');
      await putList(await manifestOf(), manifestType);
      assert.deepEqual(await formats(`${repository}:1`), ['legacy']);
      const inspected = await fairlead('inspect', `${repository}:1`);
      assert.equal(inspected.signatures.length, 1);
      assert.match(inspected.passedOver[0], /nginx:sha256-.* is not a list of referrers/);
      failed(
        await runFairlead(['referrers', `${repository}:1`], { cwd }),
        2,
        /is not a list of referrers.*\nhint: .*signature/,
      );

      const copied = await fairlead('copy', `${repository}:1`, `${registry.host}/copied/nginx`);
      assert.deepEqual(
        copied.skipped.map((each: { digest: string }) => each.digest),
        [digest],
      );
      assert.deepEqual(await formats(`${registry.host}/copied/nginx:1`), ['legacy']);
      const told = succeeded(await runFairlead(['copy', `${repository}:1`, `${registry.host}/told/nginx`], { cwd }));
      assert.match(told, /^skipped {4}sha256:.*is not a list of referrers/m);
      assert.equal((await fairlead('save', `${repository}:1`, 'nginx.tar')).skipped.length, 1);
    });

    it('reports what was skipped if no signature is left', async () => {
      await writeFile(join(cwd, 'other.json'), profile.trim());
      const other = await fairlead('push', 'other.json', `${registry.host}/security/other:1`, '--key', 'fairlead.key');
      const url = `http://${registry.host}/v2/security/other/manifests`;
      const body = await (await fetch(`${url}/${other.digest}`, { headers: { accept: manifestType } })).text();
      const put = { method: 'PUT', headers: { 'content-type': manifestType }, body };
      assert.equal((await fetch(`${url}/${other.digest.replace(':', '-')}`, put)).status, 201);
      const verifying = ['verify', `${registry.host}/security/other:1`, '--policy', 'policy.yaml'];
      failed(
        await runFairlead(verifying, { cwd }),
        5,
        /has no signature that can be read.*\n {2}skipped: .* is not a list of referrers/,
      );
    });

    it('is replaced by the next signature', async () => {
      await fairlead('sign', `${repository}:1`, '--key', 'fairlead.key');
      assert.deepEqual((await formats(`${repository}:1`)).sort(), ['bundle']);
      assert.equal((await fairlead('referrers', `${repository}:1`)).referrers.length, 1);
    });

    it('is copied without what it names and is not there', async () => {
      const { referrers } = await fairlead('referrers', `${repository}:1`);
      const [{ referrers: _, ...signature }] = referrers;
      const url = `http://${registry.host}/v2/security/nginx/manifests/${digest.replace(':', '-')}`;
      // docker-registry refuses a list of what is not there; what is there can be deleted
      // afterwards.
      succeeded(await runFairlead(['keygen', '--prefix', 'other'], { cwd }));
      const gone = await fairlead('sign', `${repository}:1`, '--key', 'other.key');
      const removed = await fetch(`http://${registry.host}/v2/security/nginx/manifests/${gone.signature}`, {
        method: 'DELETE',
      });
      assert.equal(removed.status, 202);
      const listed = await (await fetch(url, { headers: { accept: indexType } })).text();
      assert.ok(listed.includes(gone.signature) && listed.includes(signature.digest));
      const copied = await fairlead('copy', `${repository}:1`, `${registry.host}/partly/nginx`);
      assert.deepEqual(
        copied.skipped.map((each: { digest: string }) => each.digest),
        [gone.signature],
      );
      assert.ok((await formats(`${registry.host}/partly/nginx:1`)).includes('bundle'));
    });
  },
);
