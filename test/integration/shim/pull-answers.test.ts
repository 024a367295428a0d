import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { type PullCallDependencies, pullSecurityProfile } from '#cri-shim/calls/pull-security-profile';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { errorStatus } from '#lib/cri/grpc-status';
import { FairleadError, toFairleadError } from '#lib/errors';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { openPolicy, PullingNode } from '#test/support/cri/pulling-node';
import { denyChmod, packText } from '#test/support/cri/shim';
import { ServingRegistry } from '#test/support/faults/serving-registry';
import { PullSecurityProfileArtifactRequestSchema, SecurityProfileKind } from '../../../lib/cri/gen/cri_pb.js';

const log = { debug: () => undefined, info: () => undefined };
const good = packText(denyChmod);
const config = blob('application/vnd.cncf.seccomp-profile.config.v1+json', Buffer.from('{}'));

/** The status that a pull ends with. */
async function statusOf(source: PullCallDependencies['source'], image: string) {
  const request = create(PullSecurityProfileArtifactRequestSchema, {
    ...{ image: { image }, profileKind: SecurityProfileKind.Seccomp },
  });
  const call = {
    request: toBinary(PullSecurityProfileArtifactRequestSchema, request),
    signal: AbortSignal.timeout(30_000),
    runtime: { pin: () => assert.fail('a connection was pinned') },
  };
  return pullSecurityProfile(call, 'text', { source, log }).then(
    () => ({ code: 0, message: '' }),
    (thrown: unknown) => errorStatus(toFairleadError(thrown)),
  );
}

describe('the answer of the pull call', () => {
  let registry: ServingRegistry;
  let node: PullingNode;
  before(async () => {
    registry = await new ServingRegistry().start();
    node = await PullingNode.start(openPolicy({ limits: { artifactBytes: 1000, entriesPerSyscall: 128 } }));
  });
  after(async () => {
    await node.stop();
    await registry.stop();
  });
  /** Serves an artifact whose layer has another descriptor, or whose manifest is padded. */
  function serve(layer: Partial<Descriptor>, text = denyChmod, padding = ''): string {
    const content = blob('application/json', Buffer.from(text));
    const artifact = assembleArtifact(
      {
        ...{ schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor },
        layers: [{ ...content.descriptor, ...layer }],
        ...(padding !== '' && { annotations: { padding } }),
      },
      [config, content],
    );
    registry.add('a', artifact);
    const wanted = artifact.manifest.layers[0]?.digest ?? '';
    registry.replace('a', wanted, Buffer.from(text));
    return `${registry.host}/a@${artifact.descriptor.digest}`;
  }
  const refusedBy = async (reference: string) => statusOf(node.source, reference);

  it('is of an unavailable registry if content does not match its descriptor', async () => {
    const other = blob('application/json', Buffer.from('other')).descriptor.digest;
    const statuses = [await refusedBy(serve({ digest: other })), await refusedBy(serve({ size: 10 }))];
    for (const { code, message } of statuses) {
      assert.equal(code, 14, message);
      assert.match(message, /^RegistryUnavailable: /);
    }
  });

  it('is permanent for a profile over the limit, and for a manifest over its own', async () => {
    const large = serve({}, `${denyChmod}${' '.repeat(1000)}`);
    for (const reference of [
      large,
      serve({}, denyChmod, 'x'.repeat(70_000)),
      serve({}, denyChmod, 'x'.repeat(5_000_000)),
    ]) {
      const { code, message } = await refusedBy(reference);
      assert.equal(code, 3, message);
      assert.match(message, /^SecurityProfileInvalid: .*more than /);
    }
  });

  it("is permanent for a layer in CRI-O's layout, which is for its annotations", async () => {
    const docker = denyChmod.replace('"names"', '"includes":{"caps":["CAP_SYS_ADMIN"]},"names"');
    const type = { mediaType: mediaTypes.imageLayer };
    const gzip = `\x1f\x8b${denyChmod}`;
    for (const reference of [serve(type, docker), serve({}, docker), serve(type, gzip), serve({}, gzip)]) {
      const { message } = await refusedBy(reference);
      assert.match(message, /^SecurityProfileInvalid: /);
    }
    assert.equal((await refusedBy(serve(type))).code, 0, 'any media type of a layer is good');
  });

  it('is neither if the node is out of space', async () => {
    const full = new FairleadError('LimitExceeded', 'no space left', { local: true });
    const failing = { pull: () => Promise.reject(full) };
    const image = `${registry.host}/a@${good.descriptor.digest}`;
    assert.deepEqual(await statusOf(failing, image), { code: 8, message: 'no space left' });
  });
});
