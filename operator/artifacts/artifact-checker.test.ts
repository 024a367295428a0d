import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import type { PullPolicy } from '#lib/node/pull/pull-dependencies';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import type { CredentialSource } from '#lib/registry/credentials/credentials';
import { memoryRepository } from '#lib/registry/memory';
import { formatRepository, type Reference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import { allowing, counted, put, reference, signer, stranger } from '#test/support/publication';
import { ArtifactChecker, type CheckRequest } from './artifact-checker.ts';
import { type ArtifactCheck, type FoundArtifact, isRefusal, type Refusal, type VerifiedArtifact } from './check.ts';

const name = formatRepository(reference);
const policyOf = (revision: string, key = signer): PullPolicy => ({
  source: 'TrustPolicy default',
  revision,
  limits: defaultPublicationLimits,
  rules: [
    {
      match: 'registry.example.com/security/**',
      unsigned: false,
      require: [{ anyOf: [{ key: 'spec.rules[0].require[0].key', publicKey: key.key.publicKey }] }],
    },
  ],
});
const never = new AbortController().signal;

describe('ArtifactChecker', () => {
  let target = counted();
  let policy: PullPolicy;
  let asked: (CredentialSource | undefined)[];
  let checker: ArtifactChecker;
  beforeEach(() => {
    target = counted();
    policy = policyOf('1');
    asked = [];
    checker = checkerOf(() => target);
  });
  const checkerOf = (connect: (reference: Reference) => ReadTarget) =>
    new ArtifactChecker({
      policy: () => policy,
      connect: (to, credentials) => {
        asked.push(credentials);
        return connect(to);
      },
    });
  const check = (more: Partial<CheckRequest> = {}): Promise<ArtifactCheck> => {
    const spec = { reference: `${name}:stable`, kind: 'Seccomp' } as const;
    return checker.check({ spec, inForce: undefined, verify: false, resolve: true, ...more }, never);
  };
  const found = async (more: Partial<CheckRequest> = {}): Promise<FoundArtifact> => {
    const { found: artifact } = await check(more);
    assert.ok(artifact !== undefined && !isRefusal(artifact), JSON.stringify(artifact));
    return artifact;
  };
  const refused = async (more: Partial<CheckRequest> = {}): Promise<Refusal> => {
    const { found: refusal } = await check(more);
    assert.ok(refusal !== undefined && isRefusal(refusal), JSON.stringify(refusal));
    return refusal;
  };

  it('finds what a tag stands for, and who signed it', async () => {
    const bytes = allowing('read');
    const { reference: published } = await put(target, bytes);
    assert.deepEqual(await found(), {
      reference: `${name}@${published.digest}`,
      digest: published.digest,
      kind: 'Seccomp',
      size: bytes.length,
      signers: [{ key: 'spec.rules[0].require[0].key' }],
      rule: 'registry.example.com/security/**',
    });
  });

  it('compares it with what is in force, whose content is remembered', async () => {
    await put(target, allowing('read', 'bind'));
    const inForce = await found();
    await put(target, allowing('read', 'ptrace', 'mount'));
    const { comparison } = await found({ inForce });
    assert.deepEqual(comparison, {
      loosened: 2,
      tightened: 1,
      summary: 'permits more: mount, ptrace; permits less: bind',
    });
    await put(target, allowing('read', 'bind'));
    assert.equal((await found({ inForce })).comparison, undefined, 'the same digest');
  });

  it('compares after a restart too, and states that what was deleted cannot be compared', async () => {
    await put(target, allowing('read'));
    const inForce = await found();
    await put(target, allowing('read', 'bind'));
    checker = checkerOf(() => target);
    assert.deepEqual((await found({ inForce })).comparison, {
      loosened: 1,
      tightened: 0,
      summary: 'permits more: bind',
    });
    await target.delete(await target.resolve(inForce.digest));
    checker = checkerOf(() => target);
    const { comparison } = await found({ inForce });
    assert.ok(
      comparison && 'problem' in comparison && comparison.problem.includes(inForce.digest),
      JSON.stringify(comparison),
    );
  });

  it('states which digest is refused, and why', async () => {
    const { reference: published } = await put(target, allowing('read'), {}, stranger);
    const { digest, reason, isDecision, message } = await refused();
    assert.deepEqual([digest, reason, isDecision], [published.digest, 'SignatureInvalid', true]);
    assert.match(message, /requires key spec\.rules\[0\]\.require\[0\]\.key/);
  });

  it('asks no registry that no rule is for', async () => {
    policy = { ...policy, rules: [] };
    const { reason, isDecision, message } = await refused();
    assert.deepEqual([reason, isDecision], ['NotAllowed', true]);
    assert.match(message, /^TrustPolicy default does not allow .*: it has no rules\. To allow them, add a rule /);
    assert.deepEqual(asked, []);
  });

  it('verifies what is in force by the current policy', async () => {
    await put(target, allowing('read'));
    const inForce = await found();
    const verify = { inForce, verify: true, resolve: false };
    policy = policyOf('2');
    assert.deepEqual(await check(verify), { policy: '2', inForce });
    policy = policyOf('3', stranger);
    const withdrawn = (await check(verify)).inForce;
    assert.ok(withdrawn !== undefined && isRefusal(withdrawn));
    assert.deepEqual(
      [withdrawn.reason, withdrawn.isDecision, withdrawn.digest],
      ['SignatureInvalid', true, inForce.digest],
    );
  });

  it('verifies what was withdrawn, and compares what the registry has with it', async () => {
    await put(target, allowing('read'));
    const withdrawn = await found();
    await put(target, allowing('read', 'bind'));
    const { withdrawn: again, found: other } = await check({ withdrawn });
    assert.deepEqual(again, withdrawn);
    assert.ok(other !== undefined && 'comparison' in other);
    assert.deepEqual(other.comparison, { loosened: 1, tightened: 0, summary: 'permits more: bind' });
    policy = policyOf('2', stranger);
    const refusal = (await check({ withdrawn })).withdrawn;
    assert.ok(refusal !== undefined && isRefusal(refusal) && refusal.isDecision);
  });

  it('concludes nothing while the policy is not known', async () => {
    const unknown = new ArtifactChecker({
      policy: () => {
        throw new FairleadError('Unavailable', 'the trust policy is not known yet');
      },
      connect: () => assert.fail(),
    });
    const inForce = { reference: `${name}@sha256:${'0'.repeat(64)}` } as VerifiedArtifact;
    const spec = { reference: `${name}:stable`, kind: 'Seccomp' } as const;
    const { found: one, inForce: other } = await unknown.check({ spec, inForce, verify: true, resolve: true }, never);
    for (const each of [one, other]) {
      assert.ok(each !== undefined && isRefusal(each));
      assert.deepEqual([each.reason, each.isDecision], ['Unavailable', false]);
    }
  });

  it('makes one pull for many objects, with each credentials apart', async () => {
    await put(target, allowing('read'));
    await Promise.all(Array.from({ length: 50 }, () => found()));
    assert.ok(asked.length <= 2, `${asked.length} connections`);
    const source: CredentialSource = async () => undefined;
    await found({ credentials: { source, name: 'web/secret' } });
    assert.equal(asked.at(-1), source);
  });

  it('gives up on a registry that does not answer, and does not ask it again for the next objects', async () => {
    let requests = 0;
    const hanging = (_name: unknown, { signal }: { readonly signal?: AbortSignal } = {}): Promise<never> => {
      requests++;
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    };
    checker = checkerOf(() => ({ ...memoryRepository(), resolve: hanging }));
    const spec = { reference: `${name}:stable`, kind: 'Seccomp' } as const;
    const request = { spec, inForce: undefined, verify: false, resolve: true };
    const { found: first } = await checker.check(request, AbortSignal.timeout(50));
    assert.ok(first !== undefined && isRefusal(first));
    assert.deepEqual([first.reason, first.isDecision], ['Unavailable', false]);
    assert.equal((await refused()).reason, 'Unavailable');
    assert.equal(requests, 1);
  });

  describe('for an image', () => {
    const image = async () => {
      const { reference: attachedTo } = await put(target, allowing('execve'), {
        reference: { ...reference, tag: 'image' },
      });
      return attachedTo;
    };
    const attach = async (
      subject: Awaited<ReturnType<typeof image>>,
      tag: string,
      names: readonly string[],
      by = signer,
    ) => {
      const request = { reference: { ...reference, tag }, subject: subject.digest };
      return (await put(target, allowing(...names), request, by)).reference.digest;
    };

    it('finds the newest attached profile that the policy allows', async () => {
      const subject = await image();
      const spec = { image: `${name}@${subject.digest}`, kind: 'Seccomp' } as const;
      const none = await refused({ spec });
      assert.equal(none.reason, 'NotFound');
      assert.match(none.message, /^no Seccomp profile is attached to \S+\. Attach one with: fairlead push --subject /);
      await attach(subject, 'other', ['bind'], stranger);
      assert.equal((await refused({ spec })).reason, 'SignatureInvalid');
      const digest = await attach(subject, 'own', ['read']);
      assert.equal((await found({ spec })).digest, digest);
    });
  });
});
