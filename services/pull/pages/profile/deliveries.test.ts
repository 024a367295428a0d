import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { parseLocalhostProfile } from '#lib/node/reference/localhost-profile';
import { parsePinned } from '#lib/registry/pinned-reference';
import { containerName, deliveryBlocks, podYaml } from './deliveries.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const reference = parsePinned(`registry.example.com/security/nginx:1.27@${digest}`);

describe('deliveryBlocks', () => {
  it('names the artifact by its digest, never by its tag', () => {
    const blocks = deliveryBlocks({ reference, kind: 'Seccomp' });
    assert.deepEqual(
      blocks.map(({ delivery }) => delivery),
      ['localhost', 'oci', 'crio'],
    );
    for (const { text } of blocks) {
      assert.match(text, new RegExp(`registry\\.example\\.com/security/nginx@${digest}$`, 'm'));
      assert.doesNotMatch(text, /1\.27/);
    }
    assert.match(blocks[2]?.text ?? '', /seccomp-profile\.crio\.io\/nginx: registry/);
  });

  it('has for AppArmor only what API servers have for it', () => {
    const blocks = deliveryBlocks({ reference, kind: 'AppArmor' });
    assert.deepEqual(
      blocks.map(({ delivery }) => delivery),
      ['localhost'],
    );
    assert.match(blocks[0]?.text ?? '', /appArmorProfile:/);
  });
});

describe('podYaml', () => {
  it('names what the shim reads as the same artifact', () => {
    const pod = parse(podYaml('localhost', { reference, kind: 'Seccomp' }));
    const { localhostProfile } = pod.spec.containers[0].securityContext.seccompProfile;
    const { tag: _, ...pinned } = reference;
    assert.deepEqual(parseLocalhostProfile(localhostProfile)?.reference, pinned);
    const oci = parse(podYaml('oci', { reference, kind: 'Seccomp' }));
    assert.equal(oci.spec.containers[0].securityContext.seccompProfile.type, 'OCI');
  });
});

describe('containerName', () => {
  it('is a label of DNS for every repository', () => {
    const component = fc.stringMatching(/^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+){0,8}$/);
    fc.assert(
      fc.property(component, (repository) => {
        assert.match(containerName({ repository }), /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
      }),
    );
  });
});
