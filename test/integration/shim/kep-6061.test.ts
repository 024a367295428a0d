import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { inspect } from 'node:util';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Artifact } from '#lib/artifact/artifact';
import { type Containerd, containerdRequirements, startContainerd } from '#test/peers/containerd';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { type CriError, status } from '#test/support/cri/client';
import { fixture, fixtureProfiles } from '#test/support/cri/kep-fixtures';
import { containerConfig, type Pod, runPod } from '#test/support/cri/pod';
import { publish, startTestShim, type TestShim } from '#test/support/cri/shim';
import { ServingRegistry } from '#test/support/faults/serving-registry';
import {
  SecurityProfileBase_BaseType as BaseType,
  SecurityProfileKind as Kind,
  SecurityProfile_ProfileType as ProfileType,
  type PullSecurityProfileRequestSchema,
} from '../../../lib/cri/gen/cri_pb.js';

type PullRequest = Omit<MessageInitShape<typeof PullSecurityProfileRequestSchema>, '$typeName' | '$unknown'>;

/** The calls of KEP-6061 in one set of names. */
interface Calls {
  pull(request: PullRequest): Promise<{ readonly resolvedRef: string; readonly cached: boolean }>;
  list(): Promise<readonly { readonly digest: string; readonly refs: readonly string[] }[]>;
  remove(digest: string): Promise<unknown>;
}

const callsOf: Readonly<Record<'text' | 'preview', (shim: TestShim) => Calls>> = {
  text: ({ client }) => ({
    pull: (request) => client.pullSecurityProfileArtifact(request),
    list: async () =>
      (await client.listSecurityProfileArtifacts()).artifacts.map(({ id, references }) => ({
        ...{ digest: id, refs: references },
      })),
    remove: (digest) => client.removeSecurityProfileArtifact({ image: { image: digest } }),
  }),
  preview: ({ client }) => ({
    pull: (request) => client.pullSecurityProfile(request),
    list: async () => (await client.listSecurityProfiles()).profiles,
    remove: (digest) => client.removeSecurityProfile({ digest }),
  }),
};

const peers = [...containerdRequirements, 'docker-registry'] as const;
describePeers(peers, "KEP-6061, critest's cases", () => {
  let containerd: Containerd;
  let registry: Registry;
  let shim: TestShim;
  before(async () => {
    [containerd, registry] = await Promise.all([startContainerd(), startRegistry()]);
    const args = ['--preview-kep-6061'];
    shim = await startTestShim({ runtime: containerd.socket, registryHost: registry.host, args });
  });
  after(async () => {
    await shim?.stop();
    await Promise.all([registry?.stop(), containerd?.stop()]);
  });

  /** A permissive profile that no other test has. */
  const unlikeOthers = (name: string) => ({
    ...fixtureProfiles.permissive,
    syscalls: [{ names: [`of_${name}`], action: 'SCMP_ACT_ERRNO' }],
  });
  const oci = (ociRef: string) => ({ profileType: ProfileType.OCI, ociRef });
  const refusal =
    (code: number, message: RegExp) =>
    (error: CriError): true => {
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    };
  const invalid = refusal(status.INVALID_ARGUMENT, /^SecurityProfileInvalid: /);

  it('reports the feature of the text, and none whose number is not known', async () => {
    const { features } = await shim.client.status({ verbose: false });
    assert.equal(features?.securityProfileOciArtifact, true);
    assert.deepEqual(
      Object.keys(features ?? {}).filter((name) => /profile/i.test(name)),
      ['securityProfileOciArtifact'],
    );
  });

  for (const names of ['text', 'preview'] as const) {
    let calls: Calls;
    const pull = (image: string, more: Partial<PullRequest> = {}) =>
      calls.pull({ image: { image }, profileKind: Kind.Seccomp, ...more });
    const push = (name: string, artifact: Artifact) =>
      publish(registry.host, `signed/${names}-${name}`, artifact, shim.signer);

    /** Refused by the pull call, for the sandbox and for a container. */
    async function refusedEverywhere(reference: string, expected: (error: CriError) => true): Promise<void> {
      await assert.rejects(pull(reference), expected);
      await assert.rejects(runPod(shim.client, { sandboxSeccomp: oci(reference) }), expected);
      await assert.rejects(runPod(shim.client, { seccomp: oci(reference) }), expected);
    }

    it(`${names}: pulls, and takes the second pull from the cache`, async () => {
      calls = callsOf[names](shim);
      const reference = await push('cached', fixture(fixtureProfiles.denyChmod));
      assert.deepEqual(
        [(await pull(reference)).cached, (await pull(reference)).cached, (await pull(reference)).resolvedRef],
        [false, true, reference],
      );
    });

    it(`${names}: applies a profile to sandbox and container, and lists it, but not as an image`, async () => {
      const reference = await push('applied', fixture(fixtureProfiles.denyChmod));
      await pull(reference);
      const pod = await runPod(shim.client, { seccomp: oci(reference), sandboxSeccomp: oci(reference) });
      assert.equal((await pod.exec('chmod', '600', '/etc/passwd')).exitCode, 1);
      assert.equal((await pod.exec('true')).exitCode, 0);
      const digest = reference.slice(reference.indexOf('@') + 1);
      const held = (await calls.list()).find((each) => each.digest === digest);
      assert.ok(held?.refs.includes(reference));
      const { images } = await shim.client.listImages();
      assert.ok(!inspect(images, { depth: null }).includes(digest));
      await removedInUse(pod, digest);
    });

    /** A removal takes no profile from a container, and what is absent is no error. */
    async function removedInUse(pod: Pod, digest: string): Promise<void> {
      for (let time = 0; time < 2; time++) await calls.remove(digest);
      assert.equal(
        (await calls.list()).some((each) => each.digest === digest),
        false,
      );
      assert.equal((await pod.exec('chmod', '600', '/etc/passwd')).exitCode, 1);
      await pod.remove();
      await assert.rejects(calls.remove('sha256:1234'), refusal(status.INVALID_ARGUMENT, /./));
    }

    it(`${names}: lists every reference, those of cached pulls too`, async () => {
      const artifact = fixture(unlikeOthers(`${names}-listed`));
      const references = [await push('one', artifact), await push('other', artifact)];
      for (const reference of references) await pull(reference);
      const spelled = (references[0] as string).replace('127.0.0.1', 'LOCALHOST');
      await assert.rejects(pull(spelled), refusal(status.PERMISSION_DENIED, /./));
      const held = (await calls.list()).find(({ digest }) => digest === artifact.descriptor.digest);
      assert.deepEqual(held?.refs.toSorted(), references.toSorted());
    });

    it(`${names}: rejects another media type, an oversized profile, several layers, NOTIFY, listener and many entries`, async () => {
      const { denyChmod, invalid: listening, oversized, manyEntries } = fixtureProfiles;
      const notify = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['mount'], action: 'SCMP_ACT_NOTIFY' }] };
      const text = JSON.stringify(denyChmod);
      const artifacts = {
        type: fixture(denyChmod, { configType: 'application/vnd.unknown.config.v1+json' }),
        image: fixture(denyChmod, { configType: 'application/vnd.oci.image.config.v1+json' }),
        oversized: fixture(oversized),
        layers: fixture(denyChmod, { layers: [text, '{}'] }),
        listener: fixture(listening),
        notify: fixture(notify),
        entries: fixture(manyEntries),
        trailing: fixture(denyChmod, { layers: [`${text} {}`] }),
      };
      for (const [name, artifact] of Object.entries(artifacts)) {
        await refusedEverywhere(await push(`invalid-${name}`, artifact), invalid);
      }
    });

    it(`${names}: rejects another kind, and requests that no repetition makes valid`, async () => {
      const type = 'application/vnd.cncf.apparmor-profile.config.v1+json';
      await refusedEverywhere(await push('apparmor', fixture({ capability: {} }, { configType: type })), invalid);
      const reference = await push('kind', fixture(fixtureProfiles.denyChmod));
      await assert.rejects(pull(reference, { profileKind: Kind.SecurityProfileKindUnspecified }), invalid);
      const tagged = reference.replace('@', ':1@');
      for (const bad of ['', 'nginx', `${registry.host}/signed/a:1`, tagged, `${registry.host}/signed/a@sha1:abcd`]) {
        await assert.rejects(pull(bad), invalid, bad);
      }
    });

    it(`${names}: merges with the baseline, and with a base profile`, async () => {
      // What a profile treats as its default is reported as that, and other calls by name.
      const syscalls = [{ names: ['chmod', 'fchmodat'], action: 'SCMP_ACT_LOG' }];
      const reference = await push('permissive', fixture({ ...fixtureProfiles.permissive, syscalls }));
      await pull(reference);
      const two = await runPod(shim.client, { seccomp: oci(reference) });
      assert.notEqual((await two.exec('unshare', '-m', 'true')).exitCode, 0, 'RuntimeDefault refuses it');
      assert.equal((await two.exec('chmod', '600', '/etc/passwd')).exitCode, 0);
      const file = path.join(shim.seccompRoot, 'base.json');
      mkdirSync(shim.seccompRoot, { recursive: true });
      writeFileSync(file, JSON.stringify(fixtureProfiles.denyChmod));
      const baseProfile = { type: BaseType.Localhost, localhostRef: file };
      const three = await runPod(shim.client, { seccomp: { ...oci(reference), baseProfile } });
      assert.notEqual((await three.exec('unshare', '-m', 'true')).exitCode, 0);
      assert.equal((await three.exec('chmod', '600', '/etc/passwd')).exitCode, 1);
      for (const pod of [two, three]) await pod.remove();
      const warnings = shim.log().filter(({ messageId }) => messageId === 'SecurityProfileMergeConstrained');
      const last = warnings.at(-1);
      assert.deepEqual([last?.['profile'], last?.['container']], [reference, 'main']);
      assert.match(String(last?.['baseline']), /defaultAction: SCMP_ACT_ALLOW -> SCMP_ACT_ERRNO/);
      assert.match(String(last?.['baseProfile']), /chmod: SCMP_ACT_LOG -> SCMP_ACT_ERRNO/);
    });

    it(`${names}: refuses what the signature policy does not accept, and lets that be retried`, async () => {
      const unsigned = await publish(registry.host, `signed/${names}-unsigned`, fixture(unlikeOthers(names)));
      await refusedEverywhere(unsigned, refusal(status.FAILED_PRECONDITION, /^SignatureValidationFailed: /));
    });

    it(`${names}: lets wrong credentials be retried, and an unavailable registry`, async () => {
      const other = await new ServingRegistry().start();
      const artifact = fixture({ ...fixtureProfiles.permissive, flags: [], architectures: ['SCMP_ARCH_X86'] });
      other.add('a', artifact);
      other.users = { node: 'right' };
      const local = await startTestShim({
        ...{ runtime: containerd.socket, registryHost: '127.0.0.1:*', args: ['--preview-kep-6061'] },
        policy: `rules:\n  - {match: "${other.host}/**", unsigned: true}\n`,
      });
      try {
        const { pull: ask } = callsOf[names](local);
        const request = {
          image: { image: `${other.host}/a@${artifact.descriptor.digest}` },
          profileKind: Kind.Seccomp,
        };
        const wrong = { username: 'node', password: 'wrong' };
        const unauthenticated = refusal(status.UNAUTHENTICATED, /^(?!SecurityProfileInvalid|RegistryUnavailable)/);
        await assert.rejects(ask({ ...request, auth: wrong }), unauthenticated);
        assert.equal((await ask({ ...request, auth: { username: 'node', password: 'right' } })).cached, false);
        await other.stop();
        await assert.rejects(ask({ ...request, auth: wrong }), refusal(status.UNAVAILABLE, /^RegistryUnavailable: /));
        assert.equal((await ask({ ...request, auth: { username: 'node', password: 'right' } })).cached, true);
      } finally {
        await local.stop();
      }
    });
  }

  it('serves the names of the preview only on request', async () => {
    const plain = await startTestShim({ runtime: containerd.socket, registryHost: registry.host });
    try {
      await assert.rejects(plain.client.listSecurityProfiles(), { code: status.UNIMPLEMENTED });
      assert.deepEqual((await plain.client.listSecurityProfileArtifacts()).artifacts, []);
    } finally {
      await plain.stop();
    }
  });

  it('creates a container with a profile that was not pulled before: the shim pulls it', async () => {
    const reference = await publish(registry.host, 'signed/direct', fixture(fixtureProfiles.denyChmod), shim.signer);
    const pod = await runPod(shim.client, { seccomp: oci(reference) });
    assert.equal((await pod.exec('chmod', '600', '/etc/passwd')).exitCode, 1);
    await assert.rejects(
      shim.client.createContainer({
        ...{ podSandboxId: pod.sandboxId, sandboxConfig: pod.sandboxConfig },
        config: containerConfig({ name: 'empty', seccomp: oci('') }),
      }),
      refusal(status.INVALID_ARGUMENT, /./),
    );
    await pod.remove();
  });
});
