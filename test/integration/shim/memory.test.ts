import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, it } from 'node:test';
import { mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { bundleMediaType } from '#lib/trust/signature/signature';
import { type Containerd, containerdRequirements, startContainerd } from '#test/peers/containerd';
import { describePeers } from '#test/peers/require';
import { type CriError, status } from '#test/support/cri/client';
import { runPod } from '#test/support/cri/pod';
import { denyChmod, packText, startTestShim, type TestShim } from '#test/support/cri/shim';
import { SecurityProfile_ProfileType as ProfileType } from '../../../lib/cri/gen/cri_pb.js';

const pods = 60;
const bundle = Buffer.from(`{"x":"${'a'.repeat(256 * 1024 - 8)}"}`);
const bundleDescriptor = { mediaType: bundleMediaType, digest: digestOf(bundle), size: bundle.length };

/**
 * A registry in whose repositories each artifact has 128 referrers that look like signatures, of
 * 256 KiB each.
 */
class CrowdedRegistry {
  readonly references: string[] = [];
  readonly #contents = new Map<string, { readonly mediaType: string; readonly bytes: Uint8Array }>();
  readonly #referrers = new Map<string, object[]>();
  readonly #server: Server = createServer((request, response) => {
    const [, listOrContent, name] = /\/(referrers|manifests|blobs)\/([^?]*)/.exec(request.url ?? '') ?? [];
    const found = listOrContent === 'referrers' ? this.#list(name ?? '') : this.#contents.get(name ?? '');
    if (found === undefined) return void response.writeHead(request.url === '/v2/' ? 200 : 404).end();
    response.writeHead(200, { 'content-type': found.mediaType, 'content-length': found.bytes.length });
    response.end(request.method === 'HEAD' ? undefined : found.bytes);
  });

  #list(digest: string): { mediaType: string; bytes: Uint8Array } {
    const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: this.#referrers.get(digest) ?? [] };
    return { mediaType: mediaTypes.index, bytes: Buffer.from(JSON.stringify(index)) };
  }

  #add(mediaType: string, bytes: Uint8Array): string {
    const digest = digestOf(bytes);
    this.#contents.set(digest, { mediaType, bytes });
    return digest;
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  publish(host: string): void {
    this.#add('application/octet-stream', bundle);
    for (let pod = 0; pod < pods; pod++) {
      const { descriptor: subject, manifestBytes, blobs } = packText(denyChmod, `${pod}.json`);
      this.#add(subject.mediaType, manifestBytes);
      for (const { descriptor, bytes } of blobs) this.#add(descriptor.mediaType, bytes);
      const referrers = Array.from({ length: 128 }, (_, number) => {
        const head = { schemaVersion: 2, mediaType: mediaTypes.manifest, artifactType: bundleMediaType };
        const config = { mediaType: mediaTypes.emptyConfig, digest: digestOf(Buffer.from('{}')), size: 2 };
        const manifest = { ...head, config, layers: [bundleDescriptor], subject, annotations: { n: String(number) } };
        const bytes = Buffer.from(JSON.stringify(manifest));
        return { ...head, digest: this.#add(mediaTypes.manifest, bytes), size: bytes.length };
      });
      this.#referrers.set(subject.digest, referrers);
      this.references.push(`${host}/signed/crowded@${subject.digest}`);
    }
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

describePeers(containerdRequirements, 'shim before containerd: under pods that take much memory', () => {
  let containerd: Containerd;
  let shim: TestShim;
  const registry = new CrowdedRegistry();
  before(async () => {
    const host = await registry.start();
    registry.publish(host);
    containerd = await startContainerd();
    shim = await startTestShim({ runtime: containerd.socket, registryHost: host });
  });
  after(async () => {
    registry.stop();
    await shim?.stop();
    await containerd?.stop();
  });

  it(`refuses ${pods} pods whose artifacts have 128 bundles of 256 KiB each, within 512 MiB, and starts another meanwhile`, async (t) => {
    const refused = registry.references.map((ociRef, number) =>
      runPod(shim.client, { name: `p${number}`, sandboxSeccomp: { profileType: ProfileType.OCI, ociRef } }).then(
        () => status.OK,
        ({ code }: CriError) => code,
      ),
    );
    const bystander = await runPod(shim.client, { name: 'bystander' });
    await bystander.remove();
    const codes = new Set(await Promise.all(refused));
    // Not signed; or waited for others until its deadline, or too long.
    const expected = [status.FAILED_PRECONDITION, status.DEADLINE_EXCEEDED, status.UNAVAILABLE];
    assert.deepEqual(
      [...codes].filter((code) => !expected.includes(code)),
      [],
    );
    assert.ok(codes.has(status.FAILED_PRECONDITION));
    const [, peak = ''] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${shim.pid}/status`, 'utf8')) ?? [];
    t.diagnostic(`peak of ${Math.round(Number(peak) / 1024)} MiB`);
    assert.ok(Number(peak) > 0 && Number(peak) < 512 * 1024, `${peak} KiB`);
  });
});
