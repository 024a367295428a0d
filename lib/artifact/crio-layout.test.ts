import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { FairleadError } from '#lib/errors';
import { resolveProfile } from '#lib/profile/resolve-profile';
import { validateArtifact } from '#lib/profile/validate-artifact';
import { emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import type { Artifact, ProfileArtifact } from './artifact.ts';
import { assembleArtifact, blob } from './assemble-artifact.ts';
import { profileContent } from './profile-content.ts';
import { recognizeLayout } from './recognize-layout.ts';
import { unpackArtifact } from './unpack-artifact.ts';

const seccompType = 'application/vnd.cncf.seccomp-profile.config.v1+json';
const entry = { names: ['ptrace'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_PTRACE'], minKernel: '5.0' } };
const docker = JSON.stringify({
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrno: 'ENOSYS',
  archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
  syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW', comment: '', includes: {}, excludes: {} }, entry],
});
const runtime = '{"defaultAction":"SCMP_ACT_ERRNO"}';

/**
 * As `oras push --config config.json:application/vnd.cncf.seccomp-profile.config.v1+json` writes
 * it.
 */
function artifact(
  layer: Uint8Array | string,
  mediaType: string = mediaTypes.imageLayer,
  title = 'seccomp.json',
): ProfileArtifact {
  const config = blob(seccompType, Buffer.from('{}\n'));
  const content = blob(mediaType, Buffer.from(layer), { 'org.opencontainers.image.title': title });
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest } as const;
  return asProfile(
    assembleArtifact({ ...manifest, config: config.descriptor, layers: [content.descriptor] }, [config, content]),
  );
}

/** The artifact as fetchArtifact returns it. */
function asProfile(assembled: Artifact): ProfileArtifact {
  const { kind, layout, layer } = recognizeLayout(assembled.manifest, assembled.descriptor.digest);
  const content = assembled.blobs.find(({ descriptor }) => descriptor.digest === layer.digest);
  return { ...assembled, kind, layout, layer: content ?? assert.fail() };
}

async function tarOf(files: readonly (readonly [string, string])[]): Promise<Uint8Array> {
  const archive = pack();
  for (const [name, text] of files) archive.entry({ name }, text);
  archive.finalize();
  return buffer(archive);
}

function refused(layer: Uint8Array | string, message: RegExp, mediaType?: string): void {
  assert.throws(
    () => unpackArtifact(artifact(layer, mediaType), 'Seccomp'),
    (error) => {
      assert.ok(error instanceof FairleadError, String(error));
      assert.equal(error.kind, 'ProfileInvalid');
      assert.match(error.message, message);
      return true;
    },
  );
}

describe("CRI-O's layout", () => {
  it('holds the form of Docker, which each container resolves for itself', () => {
    const profile = unpackArtifact(artifact(docker), 'Seccomp');
    assert.ok('unresolved' in profile);
    const names = (architecture: 'amd64' | 'arm64', kernel: string, capabilities: readonly string[]) => {
      const resolved = resolveProfile(profile, { architecture, kernel, capabilities });
      assert.ok(resolved.kind === 'Seccomp');
      const { architectures = [], syscalls = [], defaultErrnoRet } = resolved.seccomp;
      return [defaultErrnoRet, architectures.join(), syscalls.flatMap((rule) => rule.names).join()];
    };
    const both = 'SCMP_ARCH_X86_64,SCMP_ARCH_X86';
    assert.deepEqual(names('amd64', '6.1', []), [38, both, 'read']);
    assert.deepEqual(names('amd64', '6.1', ['CAP_SYS_PTRACE']), [38, both, 'read,ptrace']);
    assert.deepEqual(names('amd64', '4.19', ['CAP_SYS_PTRACE']), [38, both, 'read']);
    assert.deepEqual(names('arm64', '6.1', ['CAP_SYS_PTRACE']), [38, both, 'read,ptrace']);
  });

  it('holds the form of runtimes too, raw or in a tar', async () => {
    const plain = { kind: 'Seccomp', seccomp: { defaultAction: 'SCMP_ACT_ERRNO' } };
    assert.deepEqual(unpackArtifact(artifact(runtime), 'Seccomp'), plain);
    const inTar = artifact(await tarOf([['./seccomp.json', runtime]]));
    assert.deepEqual(unpackArtifact(inTar, undefined), plain);
    assert.equal(Buffer.from(profileContent(inTar)).toString(), runtime);
  });

  it('takes the first *.json of a tar as CRI-O walks it: by name, directory by directory', async () => {
    const first = async (...names: string[]) => {
      const bytes = profileContent(artifact(await tarOf(names.map((name, index) => [name, `${index}`]))));
      return names[Number(Buffer.from(bytes).toString())];
    };
    assert.equal(await first('readme.txt', 'b.json', 'a/z.json'), 'a/z.json');
    assert.equal(await first('a.json', 'a/b.json'), 'a/b.json');
    assert.equal(await first('z/a.json', './b/d/e.json', './b/c.json'), './b/c.json');
    const twice = await tarOf([
      ['a.json', '1'],
      ['a.json', '2'],
    ]);
    assert.equal(Buffer.from(profileContent(artifact(twice))).toString(), '2');
  });

  it('does not bypass the rules of the runtime layout', async () => {
    const asRuntime = artifact(docker, 'application/json');
    assert.throws(() => unpackArtifact(asRuntime, 'Seccomp'), { hint: /fairlead convert --to runtime FILE/ });
    const { manifest, blobs } = asRuntime;
    const typed = asProfile(assembleArtifact({ ...manifest, artifactType: seccompType }, blobs));
    assert.throws(() => unpackArtifact(typed, 'Seccomp'), { kind: 'ProfileInvalid' });
    refused(await tarOf([['a.json', runtime]]), /not valid JSON/, 'application/octet-stream');
    const armor = blob('application/vnd.cncf.apparmor-profile.config.v1+json', emptyConfigBytes);
    const layer = blob(mediaTypes.imageLayer, await tarOf([['a.json', '{}']]));
    const inTar = asProfile(
      assembleArtifact({ ...manifest, config: armor.descriptor, layers: [layer.descriptor] }, [armor, layer]),
    );
    assert.throws(() => unpackArtifact(inTar, 'AppArmor'), { kind: 'ProfileInvalid', message: /not valid JSON/ });
  });

  it('is as strict as the runtime layout, with the additional members of Docker', async () => {
    refused(docker.replace('"comment"', '"Comment"'), /another letter case/);
    refused(docker.replace('"comment"', '"why"'), /unknown member "\/syscalls\/0\/why"/);
    refused(docker.replace('"caps"', '"cap"'), /unknown member "cap"; did you mean caps\?/);
    refused(docker.replace('"comment":""', '"includes":{}'), /duplicate member/);
    refused('{"kind":"SeccompProfile"}', /custom resource/);
    refused('{"network":{}}', /is declared as Seccomp, but its content is AppArmor/);
    refused(gzipSync(docker), /is compressed/, `${mediaTypes.imageLayer}+gzip`);
    refused(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), /is compressed/, `${mediaTypes.imageLayer}+zstd`);
    refused(await tarOf([['profile.yaml', runtime]]), /no \*\.json in its layer/);
    refused((await tarOf([['a.json', runtime]])).subarray(0, 700), /not a readable tar: /);
  });

  it('is held to the rules of what is pulled with all its entries', () => {
    const limits = { entriesPerSyscall: 2 };
    const valid = (text: string) => validateArtifact(unpackArtifact(artifact(text), 'Seccomp'), limits);
    valid(docker);
    const notify = docker.replace('"SCMP_ACT_ALLOW","includes":{"caps"', '"SCMP_ACT_NOTIFY","includes":{"caps"');
    assert.notEqual(notify, docker);
    assert.throws(() => valid(notify), { message: /\/syscalls\/1\/action: SCMP_ACT_NOTIFY is not allowed/ });
    const { syscalls, ...rest } = JSON.parse(docker);
    const many = JSON.stringify({ ...rest, syscalls: [...syscalls, entry, entry] });
    assert.throws(() => valid(many), { message: /more than 2 entries name ptrace/ });
  });
});
