import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { errorStatus } from '#lib/cri/grpc-status';
import { FairleadError } from '#lib/errors';
import { toProblem } from '#lib/http/problem';
import { emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { memoryRepository } from '#lib/registry/memory';
import { generateKeyPair, loadPublicKey } from '#lib/trust/keys/key';
import { verifyArtifact } from '#lib/trust/verify/verify-artifact';

/**
 * What a refusal says of an artifact with a referrer that calls itself a signature, by a type
 * that its author chose.
 */
async function refusalFor(artifactType: string): Promise<FairleadError> {
  const config = blob(mediaTypes.emptyConfig, emptyConfigBytes);
  const fields = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor, layers: [] } as const;
  const artifact = assembleArtifact(fields, [config]);
  const target = memoryRepository();
  await pushArtifact(target, artifact, undefined, undefined);
  const { descriptor } = artifact;
  const referrer = assembleArtifact({ ...fields, artifactType, subject: descriptor }, [config]);
  await pushArtifact(target, referrer, undefined, undefined);
  const publicKey = loadPublicKey((await generateKeyPair()).publicKey);
  const rule = { match: '**', unsigned: false, require: [{ anyOf: [{ key: 'a.pub', publicKey }] }] };
  const reference = { registry: 'registry.example.com', repository: 'a' };
  return verifyArtifact(target, { descriptor, reference, rule }).then(
    () => assert.fail('it was not refused'),
    (error) => (error instanceof FairleadError ? error : assert.fail(String(error))),
  );
}

describe('a type that an author chose for a signature', () => {
  it('is escaped for terminals, in an event of the kubelet or an answer of a service, and makes no line of its own', async () => {
    const error = await refusalFor('application/signature\u001b[2J\u009b1m\nNormal  Pulled  all is well\u202e');
    for (const shown of [errorStatus(error).message, toProblem(error, 'id').detail]) {
      assert.match(shown, /skipped: .*signature\\u\{1b\}.*all is well/);
      assert.doesNotMatch(shown, /(?!\n)\p{C}|^Normal/mu);
    }
  });

  it('is named in few words', async () => {
    const error = await refusalFor(`application/signature${'x'.repeat(50_000)}`);
    assert.ok(error.message.length < 1000, String(error.message.length));
  });
});
