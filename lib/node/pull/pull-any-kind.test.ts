import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import type { Artifact } from '#lib/artifact/artifact';
import { profileMediaTypes } from '#lib/artifact/artifact';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { readProfile } from '#lib/profile/read-profile';
import { mediaTypes } from '#lib/registry/descriptor';
import { memoryRepository } from '#lib/registry/memory';
import { parseReference } from '#lib/registry/reference';
import type { ReadTarget, Target } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import type { Rule } from '#lib/trust/policy/policy';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { packSignature } from '#lib/trust/signature/pack-signature';
import { pullAnyKind } from './pull-any-kind.ts';
import type { PullPolicy } from './pull-dependencies.ts';

const seccomp = packArtifact(readProfile(Buffer.from('{"defaultAction":"SCMP_ACT_ERRNO"}')), { layout: 'runtime' });
const apparmorText = '{"filesystem":{"readOnlyPaths":["/etc/**"]}}';
const apparmor = packArtifact(readProfile(Buffer.from(apparmorText), 'p', 'AppArmor'), { layout: 'runtime' });
const reference = parseReference('localhost:5000/acme/nginx:1');

let signer: KeySigner;
before(async () => {
  signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
});

describe('a profile of whichever kind', () => {
  let target: Target;
  let asked: string[];
  beforeEach(() => {
    target = memoryRepository();
    asked = [];
  });

  const signed = (): Rule => ({
    match: '**',
    unsigned: false,
    require: [{ anyOf: [{ key: 'a.pub', publicKey: signer.key.publicKey }] }],
  });
  const unsigned: Rule = { match: '**', unsigned: true, require: [] };
  const publish = async (artifact: Artifact, by?: KeySigner): Promise<void> => {
    const signature = by && packSignature(artifact.descriptor, await signArtifact(artifact.descriptor, by));
    await pushArtifact(target, artifact, signature, '1');
  };
  const pull = (rules: readonly Rule[], wanted = reference) => {
    const policy: PullPolicy = { source: 'policy.yaml', rules, limits: defaultPublicationLimits, revision: 'r' };
    const source: ReadTarget = {
      resolve: (name, options) => {
        asked.push(name);
        return target.resolve(name, options);
      },
      fetch: (descriptor, options) => target.fetch(descriptor, options),
      referrers: (subject, options) => target.referrers(subject, options),
    };
    return pullAnyKind(wanted, { policy, connect: () => source });
  };

  it('is the one that its manifest states, and is pulled by the digest of its tag', async () => {
    for (const artifact of [seccomp, apparmor]) {
      await publish(artifact, signer);
      asked = [];
      const pulled = await pull([signed()]);
      assert.equal(pulled.profile.kind, artifact.kind);
      assert.deepEqual(pulled.reference, { ...reference, digest: artifact.descriptor.digest });
      assert.deepEqual(
        asked.filter((name) => !name.endsWith('.sig')),
        ['1'],
      );
    }
  });

  it('meets the rule for its kind, not that for another one', async () => {
    const rules: readonly Rule[] = [
      { ...unsigned, kinds: ['AppArmor'] },
      { ...signed(), kinds: ['Seccomp'] },
    ];
    await publish(apparmor);
    assert.equal((await pull(rules)).verification.unsigned, true);
    await publish(seccomp);
    await assert.rejects(pull(rules), { kind: 'SignatureInvalid' });
    await assert.rejects(pull(rules.slice(0, 1)), { kind: 'NotAllowed', message: /does not allow Seccomp profiles/ });
  });

  it('is refused if its content is of another kind than its manifest states', async () => {
    // The rule for AppArmor asks for no signature.
    const rules: readonly Rule[] = [{ ...unsigned, kinds: ['AppArmor'] }, signed()];
    const config = blob(profileMediaTypes.AppArmor, Buffer.from('{}'));
    const layer = blob('application/json', Buffer.from('{"defaultAction":"SCMP_ACT_ALLOW"}'));
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor } as const;
    await publish(assembleArtifact({ ...manifest, layers: [layer.descriptor] }, [config, layer]));
    await assert.rejects(pull(rules), { kind: 'ProfileInvalid' });
  });

  it('is not requested from a repository from which no kind is allowed', async () => {
    await publish(seccomp, signer);
    for (const rules of [[], [{ ...signed(), match: 'ghcr.io/**' }], [{ ...signed(), kinds: ['SELinux'] as const }]]) {
      await assert.rejects(pull(rules), { kind: 'NotAllowed' });
    }
    assert.deepEqual(asked, []);
  });

  it('is not what a registry has under another digest', async () => {
    await publish(seccomp, signer);
    const wanted = { ...reference, digest: apparmor.descriptor.digest };
    await assert.rejects(pull([signed()], wanted), { kind: 'NotFound' });
    const lying: ReadTarget = { ...target, resolve: async () => seccomp.descriptor };
    const policy: PullPolicy = {
      source: 'policy.yaml',
      rules: [signed()],
      limits: defaultPublicationLimits,
      revision: 'r',
    };
    await assert.rejects(pullAnyKind(wanted, { policy, connect: () => lying }), { kind: 'Conflict' });
  });
});
