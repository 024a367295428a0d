import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { connect } from 'node:net';
import { after, before, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type Containerd, containerdRequirements, startContainerd } from '#test/peers/containerd';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { status } from '#test/support/cri/client';
import { containerConfig, runPod } from '#test/support/cri/pod';
import { denyChmod, packText, publish, startTestShim, type TestShim } from '#test/support/cri/shim';
import { CreateContainerRequestSchema, CreateContainerResponseSchema } from '../../../lib/cri/gen/cri_pb.js';

/** Ways to write a call's path that a lenient server might take for CreateContainer. */
const spellings = [
  'runtime.v1.RuntimeService/CreateContainer',
  '//runtime.v1.RuntimeService/CreateContainer',
  '/runtime.v1.RuntimeService//CreateContainer',
  '/runtime.v1.RuntimeService/CreateContainer/',
  '/./runtime.v1.RuntimeService/CreateContainer',
  '/x/../runtime.v1.RuntimeService/CreateContainer',
  '/runtime.v1.RuntimeService/CreateContainer?a=b',
  '/runtime.v1.RuntimeService/CreateContainer#a',
  '/runtime.v1.RuntimeService/Create%43ontainer',
  '/runtime.v1.runtimeservice/createcontainer',
  '/runtime.v1.RuntimeService/createContainer',
  '/runtime.v1.RuntimeService/CreateContainer ',
  'http://localhost/runtime.v1.RuntimeService/CreateContainer',
];

/**
 * Schemes of a call. HTTP/2 libraries check that a path begins with a slash only under http and
 * https.
 */
const schemes = ['http', 'coap'];

/** The status that an empty call by this path ends with; undefined where the stream is reset. */
async function statusOf(session: http2.ClientHttp2Session, path: string, scheme = 'http'): Promise<number | undefined> {
  const call = { ':method': 'POST', ':scheme': scheme, ':path': path };
  const stream = session.request({ ...call, 'content-type': 'application/grpc', te: 'trailers' });
  let ended: number | undefined;
  for (const event of ['response', 'trailers']) {
    stream.on(event, (head: http2.IncomingHttpHeaders) => {
      if (head['grpc-status'] !== undefined) ended = Number(head['grpc-status']);
    });
  }
  stream.on('error', () => undefined);
  stream.resume();
  stream.end(Buffer.alloc(5));
  await new Promise((resolve) => stream.on('close', resolve));
  return ended;
}

for (const version of ['2', '1.6'] as const) {
  const newer = [...containerdRequirements, 'docker-registry'] as const;
  const requirements = version === '2' ? newer : ([...newer, 'containerd-1.6', 'ctr-1.6'] as const);
  describePeers(requirements, `containerd ${version}: no spelling of a call passes the shim by`, () => {
    let containerd: Containerd;
    let registry: Registry;
    let shim: TestShim;
    before(async () => {
      [containerd, registry] = await Promise.all([startContainerd({ version }), startRegistry()]);
      shim = await startTestShim({ runtime: containerd.socket, registryHost: registry.host });
    });
    after(async () => {
      await shim?.stop();
      await Promise.all([registry?.stop(), containerd?.stop()]);
    });

    it('what the shim does not take for CreateContainer does not reach it', async () => {
      const [straight, through] = [containerd.socket, shim.socket].map((socket) =>
        http2.connect('http://localhost', { createConnection: () => connect(socket) }),
      ) as [http2.ClientHttp2Session, http2.ClientHttp2Session];
      const reached = await statusOf(straight, '/runtime.v1.RuntimeService/CreateContainer');
      assert.ok(reached !== undefined && reached !== status.UNIMPLEMENTED);
      for (const scheme of schemes) {
        for (const spelling of spellings) {
          const ended = await statusOf(through, spelling, scheme);
          assert.ok([undefined, status.UNIMPLEMENTED].includes(ended), `${scheme} ${spelling}: ${ended}`);
        }
        // Why the shim must not pass this one on: it is a good spelling for some runtimes.
        if (version === '1.6') assert.equal(await statusOf(straight, spellings[0] as string, scheme), reached);
      }
      for (const session of [straight, through]) session.destroy();
    });

    // Newer ones do not serve it.
    if (version === '1.6')
      it('nor does the older service: a profile is applied, or the container refused', async () => {
        const pod = await runPod(shim.client, { name: 'older' });
        const createContainer = async (containerName: string, reference: string): Promise<string> => {
          const options = { containerName, annotations: { [`seccomp-profile.crio.io/${containerName}`]: reference } };
          const request = create(CreateContainerRequestSchema, {
            podSandboxId: pod.sandboxId,
            config: containerConfig(options),
            sandboxConfig: { ...pod.sandboxConfig, annotations: options.annotations },
          });
          const bytes = toBinary(CreateContainerRequestSchema, request);
          const answer = await shim.client.raw('/runtime.v1alpha2.RuntimeService/CreateContainer', bytes);
          return fromBinary(CreateContainerResponseSchema, answer).containerId;
        };
        const unsigned = await publish(registry.host, 'signed/unsigned', packText(denyChmod, 'unsigned.json'));
        await assert.rejects(createContainer('bad', unsigned), { code: status.FAILED_PRECONDITION });
        const good = await publish(registry.host, 'signed/chmod', packText(denyChmod), shim.signer);
        const containerId = await createContainer('good', good);
        await shim.client.startContainer({ containerId });
        const cmd = ['chmod', '600', '/etc/passwd'];
        assert.equal((await shim.client.execSync({ containerId, cmd, timeout: 20n })).exitCode, 1);
        await pod.remove();
      });
  });
}
