import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { mediaTypes } from '#lib/registry/descriptor';
import { type Containerd, containerdRequirements, startContainerd } from '#test/peers/containerd';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { type CriClient, connectCri } from '#test/support/cri/client';
import { runPod } from '#test/support/cri/pod';
import { denyChmod, packText, publish, startTestShim, type TestShim } from '#test/support/cri/shim';
import {
  SecurityProfileBase_BaseType as BaseType,
  SecurityProfile_ProfileType as ProfileType,
  RuntimeFeaturesSchema,
  SecurityProfileKind,
} from '../../../lib/cri/gen/cri_pb.js';

const denyMkdir = JSON.stringify({
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }],
});

for (const version of ['2', '1.6'] as const) {
  const newer = [...containerdRequirements, 'docker-registry'] as const;
  const requirements = version === '2' ? newer : ([...newer, 'containerd-1.6', 'ctr-1.6'] as const);
  describePeers(requirements, `shim before containerd ${version}: profiles are pulled and applied`, () => {
    let containerd: Containerd;
    let registry: Registry;
    let shim: TestShim;
    let direct: CriClient;
    let reference: string;
    before(async () => {
      [containerd, registry] = await Promise.all([startContainerd({ version }), startRegistry()]);
      shim = await startTestShim({
        runtime: containerd.socket,
        registryHost: registry.host,
        args: ['--metrics', '127.0.0.1:0'],
      });
      direct = connectCri(containerd.socket);
      reference = await publish(registry.host, 'signed/chmod', packText(denyChmod), shim.signer);
    });
    after(async () => {
      direct?.close();
      await shim?.stop();
      await Promise.all([registry?.stop(), containerd?.stop()]);
    });
    const oci = (ociRef: string) => ({ profileType: ProfileType.OCI, ociRef });
    const localhost = (text: string) => ({
      profileType: ProfileType.Localhost,
      localhostRef: `${shim.seccompRoot}/oci/${text}`,
    });

    it('reports the feature, and nothing else changes in Status', async () => {
      const [through, bare] = [await shim.client.status({ verbose: false }), await direct.status({ verbose: false })];
      assert.equal(through.features?.securityProfileOciArtifact, true);
      assert.equal(bare.features?.securityProfileOciArtifact ?? false, false);
      // containerd 1.6 knows no features: the message is there then, with only ours in it
      const plain = create(RuntimeFeaturesSchema);
      const features = { ...plain, ...bare.features, securityProfileOciArtifact: true };
      assert.deepEqual({ ...through }, { ...bare, features });
    });

    it('pulls: cached is false, then true, also while the registry is down', async () => {
      const pull = () =>
        shim.client.pullSecurityProfileArtifact({
          image: { image: reference },
          profileKind: SecurityProfileKind.Seccomp,
        });
      const first = await pull();
      assert.deepEqual([first.resolvedRef, first.cached], [reference, false]);
      assert.equal((await pull()).cached, true);
      const { port, storage } = registry;
      await registry.stop();
      try {
        const third = await pull();
        assert.deepEqual([third.resolvedRef, third.cached], [reference, true]);
        await shim.restart();
        assert.equal((await pull()).cached, true, 'after a restart too');
        const pod = await runPod(shim.client, { name: 'offline', seccomp: oci(reference) });
        assert.equal((await pod.exec('chmod', '600', '/etc/passwd')).exitCode, 1);
        await pod.remove();
      } finally {
        registry = await startRegistry({ port, storage });
      }
      assert.deepEqual(
        (await direct.listImages()).images.filter(({ repoTags }) => repoTags.join().includes('signed')),
        [],
      );
    });

    it('runs a container under an OCI profile: the kernel refuses what it denies, and nothing else', async () => {
      const pod = await runPod(shim.client, { name: 'oci', seccomp: oci(reference) });
      assert.equal((await pod.exec('touch', '/tmp/file')).exitCode, 0);
      const refused = await pod.exec('chmod', '600', '/tmp/file');
      assert.equal(refused.exitCode, 1);
      assert.match(refused.stderr, /Operation not permitted/);
      assert.equal((await pod.exec('mkdir', '/tmp/folder')).exitCode, 0);
      const free = await runPod(shim.client, { name: 'free' });
      assert.equal((await free.exec('chmod', '600', '/etc/passwd')).exitCode, 0);
      await pod.remove();
      await free.remove();
    });

    it('explains after a restart what its containers run under, until they are removed', async () => {
      const node = async (...args: string[]) => {
        const command = ['node', ...args, '--socket', `unix://${shim.admin}`, '--output', 'json'];
        return JSON.parse(succeeded(await runFairlead(command)));
      };
      const seccomp = localhost(`${reference}?base=RuntimeDefault`);
      const pod = await runPod(shim.client, { name: 'explained', seccomp });
      const before = await node('explain', 'default/explained');
      const [
        {
          id,
          applied: [applied],
        },
      ] = before.containers.filter(({ name }: { name?: string }) => name !== undefined);
      const { base, rule, signers } = applied;
      assert.deepEqual(
        [applied.reference, base, rule, signers],
        [reference, 'RuntimeDefault', `${registry.host}/signed/**`, ['key release.pub']],
      );
      await shim.restart();
      assert.deepEqual(await node('explain', 'default/explained'), before);
      assert.ok(readdirSync(path.join(shim.state, 'uses')).includes(id));
      await pod.remove();
      await node('gc');
      assert.ok(!readdirSync(path.join(shim.state, 'uses')).includes(id));
    });

    it('runs a container under a Localhost reference, with a base profile on the node', async () => {
      mkdirSync(path.join(shim.seccompRoot, 'profiles'), { recursive: true });
      writeFileSync(path.join(shim.seccompRoot, 'profiles', 'mkdir.json'), denyMkdir);
      const plain = await runPod(shim.client, { name: 'localhost', seccomp: localhost(reference) });
      assert.equal((await plain.exec('chmod', '600', '/etc/passwd')).exitCode, 1);
      assert.equal((await plain.exec('mkdir', '/tmp/folder')).exitCode, 0);
      const both = await runPod(shim.client, {
        name: 'both',
        seccomp: localhost(`${reference}?base=profiles/mkdir.json`),
      });
      const nativeBase = await runPod(shim.client, {
        name: 'native-base',
        seccomp: {
          ...oci(reference),
          baseProfile: { type: BaseType.Localhost, localhostRef: `${shim.seccompRoot}/profiles/mkdir.json` },
        },
      });
      for (const pod of [both, nativeBase]) {
        assert.equal((await pod.exec('chmod', '600', '/etc/passwd')).exitCode, 1);
        assert.equal((await pod.exec('mkdir', '/tmp/folder')).exitCode, 1);
        assert.equal((await pod.exec('touch', '/tmp/file')).exitCode, 0);
      }
      const ordinary = await runPod(shim.client, {
        name: 'ordinary',
        seccomp: { profileType: ProfileType.Localhost, localhostRef: `${shim.seccompRoot}/profiles/mkdir.json` },
      });
      assert.equal((await ordinary.exec('mkdir', '/tmp/folder')).exitCode, 1);
      for (const pod of [plain, both, nativeBase, ordinary]) await pod.remove();
    });

    it("takes CRI-O's annotations where the pod leaves seccomp open", async () => {
      const annotations = { 'seccomp-profile.crio.io/main': reference };
      const pod = await runPod(shim.client, { name: 'annotated', annotations });
      assert.equal((await pod.exec('chmod', '600', '/etc/passwd')).exitCode, 1);
      const decided = await runPod(shim.client, {
        name: 'decided',
        annotations,
        seccomp: { profileType: ProfileType.RuntimeDefault },
      });
      assert.equal((await decided.exec('chmod', '600', '/etc/passwd')).exitCode, 0);
      await pod.remove();
      await decided.remove();
    });

    it("resolves a profile in CRI-O's layout for each container's own capabilities", async () => {
      const rule = { names: ['chmod', 'fchmodat', 'fchmodat2'], action: 'SCMP_ACT_ERRNO', comment: '' };
      const docker = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [
          { ...rule, excludes: { caps: ['CAP_SYS_ADMIN'] } },
          { ...rule, names: ['mkdir', 'mkdirat'], includes: { minKernel: '99.0' } },
        ],
      };
      const { manifest, blobs } = packText(denyChmod);
      const [config] = blobs;
      assert.ok(config);
      const layer = blob(mediaTypes.imageLayer, Buffer.from(JSON.stringify(docker)));
      const artifact = assembleArtifact({ ...manifest, layers: [layer.descriptor] }, [config, layer]);
      const crio = await publish(registry.host, 'signed/crio', artifact, shim.signer);
      const bounded = await runPod(shim.client, {
        name: 'crio',
        annotations: { 'seccomp-profile.crio.io/main': crio },
      });
      const able = await runPod(shim.client, {
        name: 'crio-able',
        seccomp: localhost(crio),
        capabilities: { add: ['SYS_ADMIN'] },
      });
      assert.equal((await bounded.exec('chmod', '600', '/etc/passwd')).exitCode, 1);
      assert.equal((await able.exec('chmod', '600', '/etc/passwd')).exitCode, 0);
      for (const pod of [bounded, able]) {
        assert.equal((await pod.exec('mkdir', '/tmp/folder')).exitCode, 0);
        await pod.remove();
      }
    });

    it('applies a profile to the sandbox itself', async () => {
      const pod = await runPod(shim.client, { name: 'sandbox', sandboxSeccomp: localhost(reference) });
      const records = shim
        .log()
        .filter(({ messageId, pod }) => messageId === 'fairlead.profile.applied' && pod === 'default/sandbox');
      assert.equal(records.length, 1);
      assert.equal(records[0]?.['container'], undefined);
      await pod.remove();
    });

    it('never lets an artifact loosen the baseline, which follows the capabilities', async () => {
      const allowAll = packText('{"defaultAction": "SCMP_ACT_ALLOW"}', 'all.json');
      const permissive = await publish(registry.host, 'open/all', allowAll);
      const bounded = await runPod(shim.client, { name: 'bounded', seccomp: oci(permissive) });
      const unshare = await bounded.exec('unshare', '-m', 'true');
      assert.notEqual(unshare.exitCode, 0, 'RuntimeDefault refuses unshare without CAP_SYS_ADMIN');
      const able = await runPod(shim.client, {
        name: 'able',
        seccomp: oci(permissive),
        capabilities: { add: ['SYS_ADMIN'] },
      });
      assert.deepEqual(await able.exec('unshare', '-m', 'true'), { exitCode: 0, stdout: '', stderr: '' });
      await bounded.remove();
      await able.remove();
      const record = shim
        .log()
        .find(({ messageId, pod }) => messageId === 'SecurityProfileMergeConstrained' && pod === 'default/bounded');
      assert.ok(record, 'what was taken away is logged');
      assert.deepEqual([record['container'], record['profile']], ['main', permissive]);
      assert.match(String(record['baseline']), /(unshare|defaultAction): SCMP_ACT_ALLOW -> /);
    });

    it('lists what it holds, and removes it, also while containers were made with it', async () => {
      const spare = await publish(registry.host, 'open/spare', packText(denyMkdir, 'spare.json'));
      const pull = (image: string) =>
        shim.client.pullSecurityProfileArtifact({ image: { image }, profileKind: SecurityProfileKind.Seccomp });
      const remove = (image: string) => shim.client.removeSecurityProfileArtifact({ image: { image } });
      await pull(spare);
      const pod = await runPod(shim.client, { name: 'user', seccomp: oci(reference) });
      for (let time = 0; time < 2; time++) await remove(spare);
      const { artifacts } = await shim.client.listSecurityProfileArtifacts();
      const references = artifacts.flatMap(({ references }) => references);
      assert.ok(references.includes(reference));
      assert.ok(!references.includes(spare));
      await remove(reference);
      assert.equal((await pod.exec('chmod', '600', '/etc/passwd')).exitCode, 1, 'it keeps its profile');
      await pod.remove();
      assert.equal((await pull(reference)).cached, false);
    });

    it('keeps effective profiles readable and artifacts to itself', () => {
      const effective = path.join(shim.state, 'effective');
      for (const name of readdirSync(effective)) {
        const profile = JSON.parse(readFileSync(path.join(effective, name), 'utf8')) as { defaultAction: string };
        assert.notEqual(profile.defaultAction, 'SCMP_ACT_ALLOW');
      }
      assert.ok(readdirSync(effective).length > 3);
      assert.deepEqual(readdirSync(path.join(shim.state, 'tmp')), []);
    });
  });
}
