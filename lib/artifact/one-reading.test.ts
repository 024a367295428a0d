import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { memoryRepository } from '#lib/registry/memory';
import { fetchArtifact } from './fetch-artifact.ts';

const seccompType = 'application/vnd.cncf.seccomp-profile.config.v1+json';
const content = Buffer.from('{"defaultAction":"SCMP_ACT_ERRNO"}');
const other = Buffer.from('{"defaultAction":"SCMP_ACT_ALLOW"}');
const descriptorOf = (bytes: Uint8Array, mediaType: string) => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.length,
});
const layerOf = (bytes: Uint8Array) => JSON.stringify(descriptorOf(bytes, 'application/json'));
const config = JSON.stringify(descriptorOf(emptyConfigBytes, seccompType));
const layers = `"layers":[${layerOf(content)}]`;

/** Fetches an artifact whose manifest has these members besides its config. */
async function fetchWith(members: string): Promise<unknown> {
  const manifest = Buffer.from(
    `{"schemaVersion":2,"mediaType":"${mediaTypes.manifest}","config":${config},${members}}`,
  );
  const target = memoryRepository();
  for (const [bytes, type] of [
    [content, 'application/json'],
    [other, 'application/json'],
    [emptyConfigBytes, seccompType],
    [manifest, mediaTypes.manifest],
  ] as const)
    await target.push(descriptorOf(bytes, type), bytes);
  return fetchArtifact(target, descriptorOf(manifest, mediaTypes.manifest), { artifactBytes: 1024 });
}

describe('a manifest that readers read differently is refused', () => {
  for (const [what, members] of Object.entries({
    'other layers in another letter case': `${layers},"Layers":[${layerOf(other)}]`,
    'other layers in a letter that is folded to one of ASCII': `${layers},"layer\u017f":[${layerOf(other)}]`,
    'layers twice': `"layers":[${layerOf(other)}],${layers}`,
    'another digest in its layer': `"layers":[${layerOf(content).replace('}', `,"Digest":"${digestOf(other)}"}`)}]`,
  })) {
    it(what, () => assert.rejects(fetchWith(members), { kind: 'ProfileInvalid' }));
  }

  it('unless it only has members that no reader knows, and annotations of any name', async () => {
    await fetchWith(`${layers},"x":1,"annotations":{"Layers":"a","layers":"b"}`);
  });
});
