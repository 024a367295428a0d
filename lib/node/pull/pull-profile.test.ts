import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Artifact } from '#lib/artifact/artifact';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { seccompOf } from '#lib/profile/profile';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { readProfile } from '#lib/profile/read-profile';
import { resolveProfile } from '#lib/profile/resolve-profile';
import { mediaTypes } from '#lib/registry/descriptor';
import { memoryRepository } from '#lib/registry/memory';
import { parseReference } from '#lib/registry/reference';
import type { ReadTarget, Target } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey, type PublicKey } from '#lib/trust/keys/key';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { packSignature } from '#lib/trust/signature/pack-signature';
import { signPredicateType } from '#lib/trust/signature/predicate-type';
import { bundleMediaType, predicateTypeAnnotation } from '#lib/trust/signature/signature';
import { openStore, type Store } from '../store/store.ts';
import type { PullPolicy } from './pull-dependencies.ts';
import { PullMemory } from './pull-memory.ts';
import { pullProfile } from './pull-profile.ts';

const text = JSON.stringify({
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls: [{ names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' }],
});
const artifact = packArtifact(readProfile(Buffer.from(text)), { layout: 'runtime' });
let signer: KeySigner;
let stranger: KeySigner;

function policyFor(publicKey: PublicKey, revision: string, match = 'localhost:5000/**'): PullPolicy {
  return {
    source: 'policy.yaml',
    rules: [
      { match, unsigned: false, require: [{ anyOf: [{ key: 'release.pub', publicKey }] }] },
      { match: 'localhost:6000/**', unsigned: true, require: [] },
    ],
    limits: defaultPublicationLimits,
    revision,
  };
}
const at = (repository: string, of: Artifact = artifact) =>
  parseReference(`localhost:5000/${repository}@${of.descriptor.digest}`);

before(async () => {
  const key = async () => keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
  [signer, stranger] = await Promise.all([key(), key()]);
});

describe('pull profile', () => {
  let directory: string;
  let store: Store;
  let memory: PullMemory;
  let target: Target;
  let connected: string[];
  const connect = (reference: { repository: string }): ReadTarget => {
    connected.push(reference.repository);
    return target;
  };
  const pull = (reference = at('nginx'), options: Partial<Parameters<typeof pullProfile>[1]> = {}) =>
    pullProfile(
      { reference, kind: 'Seccomp' },
      { policy: policyFor(signer.key.publicKey, 'r1'), connect, store, memory, ...options },
    );
  const signed = async (by: KeySigner, of: Artifact = artifact) =>
    packSignature(of.descriptor, await signArtifact(of.descriptor, by));

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-pull-'));
    store = await openStore(directory);
    memory = new PullMemory();
    target = memoryRepository();
    connected = [];
    await pushArtifact(target, artifact, await signed(signer), '1');
  });
  afterEach(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });

  it('goes the whole way once, then needs no registry, in this process and in the next', async () => {
    const first = await pull();
    assert.deepEqual(
      [first.cached, first.profile.kind, first.descriptor.digest],
      [false, 'Seccomp', artifact.descriptor.digest],
    );
    assert.equal(first.verification.signatures[0]?.keyFingerprint, signer.key.publicKey.fingerprint);
    assert.equal((await pull()).cached, true);
    memory = new PullMemory();
    const third = await pull();
    assert.equal(third.cached, true);
    assert.equal(third.verification.signatures[0]?.keyFingerprint, signer.key.publicKey.fingerprint);
    assert.deepEqual(connected, ['nginx']);
  });

  describe('by tag', () => {
    const byTag = parseReference('localhost:5000/nginx:1');
    /** The target, with a count of what it is asked for. */
    const counted = () => {
      const asked = { tag: 0, digest: 0, content: 0, referrers: 0 };
      const source: ReadTarget = {
        resolve: (of, options) => {
          if (of === '1') asked.tag++;
          else asked.digest++;
          return target.resolve(of, options);
        },
        fetch: (descriptor, options) => {
          asked.content++;
          return target.fetch(descriptor, options);
        },
        referrers: (subject, options) => {
          asked.referrers++;
          return target.referrers(subject, options);
        },
      };
      return { asked, connect: () => source };
    };

    it('without a memory goes the whole way each time', async () => {
      const context = { policy: policyFor(signer.key.publicKey, 'r1'), connect };
      for (let time = 0; time < 2; time++)
        assert.equal((await pullProfile({ reference: byTag, kind: 'Seccomp' }, context)).cached, false);
      assert.equal(connected.length, 2);
    });

    it('asks each time what the tag stands for, and verifies what it has not verified', async () => {
      const { asked, connect } = counted();
      const first = await pull(byTag, { connect });
      assert.deepEqual([first.cached, first.reference], [false, byTag]);
      const { content, digest } = { ...asked };
      for (let time = 0; time < 3; time++) {
        const again = await pull(byTag, { connect });
        assert.deepEqual([again.cached, again.reference, again.descriptor], [true, byTag, first.descriptor]);
      }
      assert.equal((await pull(at('nginx'), { connect })).cached, true, 'nor by its digest');
      assert.deepEqual(asked, { tag: 4, digest, content, referrers: 1 });
    });

    it('follows a tag that is moved, at once', async () => {
      const { connect } = counted();
      await pull(byTag, { connect });
      const other = packArtifact(readProfile(Buffer.from(text)), { layout: 'runtime', title: 'other.json' });
      await pushArtifact(target, other, await signed(signer, other), '1');
      const moved = await pull(byTag, { connect });
      assert.deepEqual([moved.cached, moved.descriptor.digest], [false, other.descriptor.digest]);
      const unsigned = packArtifact(readProfile(Buffer.from(text)), { layout: 'runtime', title: 'unsigned.json' });
      await pushArtifact(target, unsigned, undefined, '1');
      await assert.rejects(pull(byTag, { connect }), { kind: 'SignatureInvalid' });
    });

    it('verifies again under another policy', async () => {
      const { asked, connect } = counted();
      await pull(byTag, { connect });
      const policy = policyFor(stranger.key.publicKey, 'r2');
      await assert.rejects(pull(byTag, { connect, policy }), { kind: 'SignatureInvalid' });
      const forbidden = policyFor(signer.key.publicKey, 'r3', 'localhost:5000/other');
      const { tag } = asked;
      await assert.rejects(pull(byTag, { connect, policy: forbidden }), { kind: 'NotAllowed' });
      assert.equal(asked.tag, tag, 'no registry is asked for what no rule allows');
    });

    it('makes one pull of many at once, and two questions for the tag', async () => {
      const { asked, connect } = counted();
      const results = await Promise.all(Array.from({ length: 400 }, () => pull(byTag, { connect })));
      assert.ok(results.every(({ descriptor }) => descriptor.digest === artifact.descriptor.digest));
      assert.deepEqual([asked.tag, asked.referrers], [2, 1]);
    });

    it('asks no more often for a tag that is not there, where all callers have the same credentials', async () => {
      memory = new PullMemory({ sameCredentials: true });
      let asked = 0;
      const empty: ReadTarget = {
        ...target,
        resolve: async () => {
          asked++;
          throw new FairleadError('NotFound', 'no such tag');
        },
      };
      const pulls = Array.from({ length: 400 }, () => pull(byTag, { connect: () => empty }));
      for (const result of await Promise.allSettled(pulls)) assert.equal(result.status, 'rejected');
      assert.equal(asked, 2);
    });

    it('lets a caller try for himself where another was refused', async () => {
      for (const kind of ['Unauthenticated', 'NotFound'] as const) {
        const failing = () => Promise.reject(new FairleadError(kind, 'not for you'));
        // The second waits for the end of the first, and the third joins it.
        const pulls = [pull(byTag, { connect: failing }), pull(byTag, { connect: failing }), pull(byTag)];
        const results = await Promise.allSettled(pulls);
        assert.deepEqual(
          results.map(({ status }) => status),
          ['rejected', 'rejected', 'fulfilled'],
        );
      }
    });
  });

  it('asks the policy before anything else, cached or not', async () => {
    const policy = policyFor(signer.key.publicKey, 'r2', 'localhost:5000/other');
    await assert.rejects(pull(at('nginx'), { policy }), { kind: 'NotAllowed' });
    assert.deepEqual(connected, []);
    await pull();
    await assert.rejects(pull(at('nginx'), { policy }), { kind: 'NotAllowed' });
    assert.equal(connected.length, 1);
  });

  it('lets in nothing that other runtimes would read otherwise, and says what converts it', async () => {
    const entry = { names: ['ptrace'], action: 'SCMP_ACT_ALLOW' };
    const texts = [
      { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ ...entry, includes: { caps: ['CAP_SYS_ADMIN'] } }] },
      { defaultAction: 'SCMP_ACT_ERRNO', archMap: [], syscalls: [entry] },
      { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ ...entry, Args: [] }] },
      { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [entry], note: 1 },
      { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [entry], network: {} },
      { kind: 'SeccompProfile', spec: { defaultAction: 'SCMP_ACT_ERRNO' } },
    ];
    for (const each of texts) {
      const layer = blob('application/json', Buffer.from(JSON.stringify(each)));
      const [config] = artifact.blobs;
      assert.ok(config);
      const other = assembleArtifact({ ...artifact.manifest, layers: [layer.descriptor] }, [config, layer]);
      await pushArtifact(target, other, await signed(signer, other), undefined);
      await assert.rejects(pull(at('nginx', other)), {
        kind: 'ProfileInvalid',
        message: new RegExp(`^profile in ${other.descriptor.digest}:1:\\d+: `),
        hint: /fairlead convert --to runtime FILE/,
      });
    }
    assert.deepEqual(await store.list(), []);
  });

  it("keeps a profile in CRI-O's layout as it is, and resolves it anew for each container", async () => {
    const rule = { names: ['ptrace'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_PTRACE'] } };
    const layer = blob(
      mediaTypes.imageLayer,
      Buffer.from(JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [rule] })),
    );
    const [config] = artifact.blobs;
    assert.ok(config);
    const crio = assembleArtifact({ ...artifact.manifest, layers: [layer.descriptor] }, [config, layer]);
    await pushArtifact(target, crio, await signed(signer, crio), undefined);
    const names = ({ profile }: Awaited<ReturnType<typeof pull>>, ...capabilities: string[]) =>
      seccompOf(resolveProfile(profile, { architecture: 'amd64', kernel: '6.1', capabilities })).syscalls?.length;
    const first = await pull(at('nginx', crio));
    memory = new PullMemory();
    const stored = await pull(at('nginx', crio));
    assert.deepEqual([first.cached, stored.cached], [false, true]);
    for (const pulled of [first, stored]) {
      assert.throws(() => seccompOf(pulled.profile), /not resolved for a container/);
      assert.deepEqual([names(pulled), names(pulled, 'CAP_SYS_PTRACE')], [0, 1]);
    }
  });

  it('stores nothing that is not signed by whom the rule names, or is no good profile', async () => {
    const unsigned = packArtifact(readProfile(Buffer.from(text)), { layout: 'runtime', title: 'other.json' });
    const invalid = assembleArtifact(artifact.manifest, artifact.blobs);
    const layer = blob('application/json', Buffer.from('{"defaultAction":'));
    const broken = assembleArtifact({ ...invalid.manifest, layers: [layer.descriptor] }, [
      ...invalid.blobs.slice(0, 1),
      layer,
    ]);
    await pushArtifact(target, unsigned, await signed(stranger, unsigned), undefined);
    await pushArtifact(target, broken, await signed(signer, broken), undefined);
    await assert.rejects(pull(at('nginx', unsigned)), { kind: 'SignatureInvalid' });
    await assert.rejects(pull(at('nginx', broken)), { kind: 'ProfileInvalid' });
    await assert.rejects(
      pullProfile(
        { reference: at('nginx'), kind: 'AppArmor' },
        { policy: policyFor(signer.key.publicKey, 'r'), connect, store },
      ),
      { kind: 'ProfileInvalid' },
    );
    assert.deepEqual(await store.list(), []);
    assert.deepEqual(await readdir(join(directory, 'blobs', 'sha256')), []);
  });

  it('verifies stored signatures again when the policy changes, and fetches new ones where they do not do', async () => {
    await pull();
    const policy = policyFor(stranger.key.publicKey, 'r2');
    await assert.rejects(pull(at('nginx'), { policy }), { kind: 'SignatureInvalid' });
    const down = () => {
      throw new FairleadError('Unavailable', 'down');
    };
    await assert.rejects(pull(at('nginx'), { policy, connect: down }), { kind: 'SignatureInvalid' });
    await pushArtifact(target, artifact, await signed(stranger), undefined);
    assert.equal((await pull(at('nginx'), { policy })).cached, false);
    assert.equal((await pull(at('nginx'), { policy, connect: down })).cached, true);
    assert.equal((await pull(at('nginx'), { connect: down })).cached, true, 'both signatures are stored');
  });

  it('does not take content of one repository for that of another', async () => {
    await pull();
    const elsewhere = parseReference(`localhost:6000/x@${artifact.descriptor.digest}`);
    const empty = memoryRepository();
    await assert.rejects(pull(elsewhere, { connect: () => empty }), { kind: 'NotFound' });
    assert.equal((await pull(elsewhere)).verification.unsigned, true);
    assert.equal((await pull(at('nginx'))).verification.unsigned, false);
    assert.equal((await store.list()).length, 1);
    assert.equal((await store.list())[0]?.pulls.length, 2);
  });

  it('pulls and keeps a repository once, however its host is spelled', async () => {
    const policy = policyFor(signer.key.publicKey, 'r1', 'registry.example.com/**');
    for (const host of ['registry.example.com', 'REGISTRY.example.com', 'Registry.Example.Com:443']) {
      const reference = parseReference(`${host}/nginx@${artifact.descriptor.digest}`);
      assert.deepEqual((await pull(reference, { policy })).reference, reference);
      memory = new PullMemory();
    }
    assert.deepEqual(connected, ['nginx']);
    assert.deepEqual(
      (await store.list())[0]?.pulls.map(({ repository }) => repository),
      ['registry.example.com/nginx'],
    );
  });

  it('limits the bytes of other signers’ signatures, and always keeps what the rule requires', async () => {
    target = memoryRepository();
    const annotations = { [predicateTypeAnnotation]: signPredicateType };
    for (let index = 0; index < 40; index++) {
      const bundle = Buffer.from(JSON.stringify({ mediaType: bundleMediaType, junk: `${index}`.repeat(16 * 1024) }));
      const content = blob(bundleMediaType, bundle);
      const config = blob(mediaTypes.emptyConfig, Buffer.from('{}'));
      const layers = [content.descriptor];
      const manifest = {
        ...artifact.manifest,
        artifactType: bundleMediaType,
        config: config.descriptor,
        layers,
        annotations,
      };
      const stranger = assembleArtifact({ ...manifest, subject: artifact.descriptor }, [config, content]);
      await pushArtifact(target, stranger, undefined, undefined);
    }
    await pushArtifact(target, artifact, await signed(signer), undefined);
    await pull();
    const [kept] = (await store.list())[0]?.pulls ?? [];
    const sizes = kept?.signatures.map((each) => (each.format === 'bundle' ? each.bundle.length : 0)) ?? [];
    const total = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(total > 100_000 && total < 300_000, `${total}`);
    memory = new PullMemory();
    assert.equal((await pull()).cached, true);
  });

  it('pulls anew what was damaged on the disk', async () => {
    await pull();
    for (const name of await readdir(join(directory, 'blobs', 'sha256')))
      await writeFile(join(directory, 'blobs', 'sha256', name), 'x');
    memory = new PullMemory();
    assert.equal((await pull()).cached, false);
    memory = new PullMemory();
    assert.equal((await pull()).cached, true);
  });

  it('lets in nothing that a pulled profile must not have, stored under looser limits or not', async () => {
    const notify = Buffer.from(
      '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_NOTIFY"}]}',
    );
    const bad = packArtifact(readProfile(notify), { layout: 'runtime', content: notify });
    await pushArtifact(target, bad, await signed(signer, bad), undefined);
    await assert.rejects(pull(at('nginx', bad)), { kind: 'ProfileInvalid' });
    assert.deepEqual(await store.list(), []);
    await pull();
    for (const tighter of [{ entriesPerSyscall: 0 }, { artifactBytes: 10 }]) {
      const policy = {
        ...policyFor(signer.key.publicKey, JSON.stringify(tighter)),
        limits: { ...defaultPublicationLimits, ...tighter },
      };
      await assert.rejects(pull(at('nginx'), { policy }), { kind: 'ProfileInvalid' });
    }
  });

  it('does not take for one kind what it remembers for another', async () => {
    await pull();
    const context = { policy: policyFor(signer.key.publicKey, 'r1'), connect, store, memory };
    await assert.rejects(pullProfile({ reference: at('nginx'), kind: 'AppArmor' }, context), {
      kind: 'ProfileInvalid',
    });
  });

  it('refuses a registry that resolves a digest to another', async () => {
    const other = packArtifact(readProfile(Buffer.from(text)), { layout: 'runtime', title: 'other.json' });
    await pushArtifact(target, other, await signed(signer, other), undefined);
    const lying: ReadTarget = { ...target, resolve: async () => other.descriptor };
    await assert.rejects(pull(at('nginx'), { connect: () => lying }), { kind: 'Conflict' });
  });

  it('makes one of many pulls at once', async () => {
    const results = await Promise.all(Array.from({ length: 50 }, () => pull()));
    assert.equal(connected.length, 1);
    assert.ok(results.every(({ cached }) => !cached));
  });

  it('ends a pull when all of its callers have given up, and only then', async () => {
    let started = 0;
    const ended: AbortSignal[] = [];
    const slow: ReadTarget = {
      ...target,
      resolve: (of, { signal } = {}) => {
        if (of !== artifact.descriptor.digest) return target.resolve(of); // the tag of old signatures
        started++;
        assert.ok(signal);
        return new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => {
            ended.push(signal);
            reject(signal.reason);
          });
          setTimeout(() => resolve(artifact.descriptor), 60);
        });
      },
    };
    const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()];
    const one = pull(at('nginx'), { connect: () => slow, signal: first.signal });
    const two = pull(at('nginx'), { connect: () => slow, signal: second.signal });
    first.abort(new Error('enough'));
    await assert.rejects(one, { message: 'enough' });
    assert.equal((await two).cached, false);
    assert.deepEqual([started, ended.length], [1, 0]);
    const three = pull(at('other'), { connect: () => slow, signal: third.signal });
    setTimeout(() => third.abort(new Error('enough')), 10);
    await assert.rejects(three, { message: 'enough' });
    assert.deepEqual([started, ended.length], [2, 1]);
    assert.equal(
      (await pull(at('other'), { connect: () => slow })).cached,
      false,
      'no caller joins a pull that was given up',
    );
  });

  it('lets a caller try his own credentials where those of another were refused', async () => {
    const denied = () => Promise.reject(new FairleadError('Unauthenticated', 'who are you?'));
    const results = await Promise.allSettled([pull(at('nginx'), { connect: denied }), pull()]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'fulfilled'],
    );
  });

  it('lets a caller try for himself where another was told that nothing is there, or had malformed credentials', async () => {
    for (const kind of ['NotFound', 'InvalidInput'] as const) {
      memory = new PullMemory();
      const repository = `team/${kind.toLowerCase()}`;
      const failing = () => Promise.reject(new FairleadError(kind, 'not for you'));
      const pulls = [pull(at(repository), { connect: failing }), pull(at(repository))];
      const results = await Promise.allSettled(pulls);
      assert.deepEqual(
        results.map(({ status }) => status),
        ['rejected', 'fulfilled'],
      );
    }
  });

  it('does not remember what was removed from the store while it was pulled', async () => {
    await pull();
    memory = new PullMemory();
    const stored = pull();
    await store.remove(artifact.descriptor.digest);
    assert.equal((await stored).cached, true);
    assert.equal((await pull()).cached, false);
    assert.ok(store.get(artifact.descriptor.digest), 'what is said to be cached is there after a restart');
  });

  it('gives a pull up that a slow registry draws out, for all who wait for it', async ({ mock }) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const slow: ReadTarget = {
      ...target,
      resolve: (_, { signal } = {}) =>
        new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
    };
    const waiting = [pull(at('nginx'), { connect: () => slow }), pull(at('nginx'), { connect: () => slow })];
    const settled = Promise.allSettled(waiting);
    await new Promise(setImmediate);
    mock.timers.tick(120_000);
    for (const result of await settled) {
      assert.ok(result.status === 'rejected');
      assert.equal(result.reason.kind, 'Unavailable');
      assert.match(result.reason.message, /longer than 120 seconds/);
    }
    mock.timers.reset();
    assert.equal((await pull()).cached, false, 'no caller joins it afterwards');
  });
});
