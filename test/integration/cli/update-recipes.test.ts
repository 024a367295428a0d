import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { parseLocalhostReference } from '#cri-shim/request/localhost-reference';
import { readArtifactBinding } from '#operator/bind/read-binding';
import { findPeer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';

const root = new URL('../../../', import.meta.url);
const guide = readFileSync(new URL('docs/guides/updates.md', root), 'utf8');
/** The files in the guide, by the name in their first line. */
const files = new Map(
  [...guide.matchAll(/```yaml\n# (\S+\.yaml)\n(.*?)```/gs)].map(([, name = '', text = '']) => [name, text]),
);
const fileOf = (name: string): string => {
  const text = files.get(name);
  assert.ok(text, `the guide has no ${name}`);
  return text;
};
const newDigest = `sha256:${'ab'.repeat(32)}`;
const bound = { from: 'reference', reference: `ghcr.io/acme/profiles/nginx@${newDigest}` };
const { customManagers } = JSON.parse(readFileSync(new URL('deploy/ci/renovate.json', root), 'utf8'));

/** Updates the references in a text as Renovate does with the managers for new versions. */
function updated(text: string, newValue: string): string {
  let result = text;
  for (const { matchStrings, autoReplaceStringTemplate } of customManagers) {
    for (const pattern of matchStrings) {
      result = result.replaceAll(new RegExp(pattern, 'g'), (...found) => {
        const groups: Readonly<Record<string, string>> = { ...found.at(-1), newDigest, newValue };
        return autoReplaceStringTemplate.replaceAll(
          /\{\{\{(\w+)\}\}\}/g,
          (_: string, name: string) => groups[name] ?? '',
        );
      });
    }
  }
  return result;
}

describe('the recipe for Renovate', () => {
  it('updates digest and tag of a binding, which stays valid', () => {
    for (const quote of ['', '"', "'"]) {
      const text = fileOf('binding.yaml').replace(/(?<=reference: )(\S+)/, `${quote}$1${quote}`);
      const after = updated(text, '1.5.0');
      assert.match(after, new RegExp(`reference: ghcr\\.io/acme/profiles/nginx@${newDigest} # 1\\.5\\.0\n`));
      assert.deepEqual(readArtifactBinding(parse(after)).source, bound);
    }
  });

  it('updates the profile of a pod, which the shim reads', () => {
    const { securityContext } = parse(updated(fileOf('pod.yaml'), '1.5.0'));
    const path = `/var/lib/kubelet/seccomp/${securityContext.seccompProfile.localhostProfile}`;
    assert.equal(parseLocalhostReference(path, '/var/lib/kubelet/seccomp')?.reference.digest, newDigest);
  });

  it('leaves references without a tag behind them, and images, as they are', () => {
    const binding = fileOf('binding.yaml').replace(' # 1.4.2', '');
    const image = `image: ghcr.io/acme/nginx@${newDigest.replace('ab', 'cd')} # 1.4.2\n`;
    for (const text of [binding, image]) assert.equal(updated(text, '1.5.0'), text);
  });
});

describePeers(['kubectl'], 'the recipe for Flux', () => {
  it('puts the digest that Flux sets into the binding, and nothing else into the cluster', () => {
    const directory = mkdtempSync(join(tmpdir(), 'fairlead-kustomize-'));
    try {
      writeFileSync(join(directory, 'binding.yaml'), fileOf('binding.yaml'));
      writeFileSync(join(directory, 'kustomization.yaml'), fileOf('kustomization.yaml'));
      // As the setter of image automation replaces the marked value.
      const digests = fileOf('digests.yaml').replace(/sha256:\S+(?= # \{"\$imagepolicy": "[^"]*:digest"\})/, newDigest);
      assert.ok(digests.includes(newDigest));
      writeFileSync(join(directory, 'digests.yaml'), digests);
      const applied = execFileSync(findPeer('kubectl') ?? '', ['kustomize', directory], { encoding: 'utf8' });
      assert.deepEqual(readArtifactBinding(parse(applied)).source, bound);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
