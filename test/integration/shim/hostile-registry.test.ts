import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Artifact } from '#lib/artifact/artifact';
import { finishFolder, temporaryFolder } from '#test/peers/program';
import { type CriError, status } from '#test/support/cri/client';
import { FakeRuntime } from '#test/support/cri/fake-runtime';
import { startScriptedRuntime } from '#test/support/cri/scripted-runtime';
import { denyChmod, packText, startTestShim, type TestShim } from '#test/support/cri/shim';
import { answerManifest, listen } from '#test/support/faults/scripted-registry';
import { SecurityProfile_ProfileType as ProfileType } from '../../../lib/cri/gen/cri_pb.js';

/** The deadline of the calls, in milliseconds; a refusal comes some time before it. */
const deadline = 4_000;
/** Requests that a pull makes at most, of a registry that answers at once. */
const fewRequests = 12;

const artifact = packText(denyChmod);
const other = packText(denyChmod.replace('"chmod", ', ''), 'other.json');

/** A registry that does something wrong, and the answer of the shim. */
interface Case {
  readonly title: string;
  readonly answer: RequestListener;
  readonly code: number;
  readonly message?: RegExp;
  readonly isSlow?: boolean;
}

/** Sends bytes one by one, each a second after the other. */
function drip(bytes: Uint8Array, write: (byte: Uint8Array) => void): void {
  let at = 0;
  const timer = setInterval(() => {
    if (at >= bytes.length) clearInterval(timer);
    else write(bytes.subarray(at, ++at));
  }, 1_000);
  timer.unref();
}

/** Serves the artifact. `layer` answers the requests for its profile. */
function withLayer(layer: RequestListener, served: Artifact = artifact): RequestListener {
  return (request, response) => {
    if (request.url?.includes('/manifests/')) answerManifest(response, request, served.manifestBytes);
    else if (request.url?.includes('/blobs/')) layer(request, response);
    else response.writeHead(404).end();
  };
}

const profile = artifact.blobs[1]?.bytes ?? new Uint8Array();
const swapped = Buffer.from(profile.map((byte, at) => (at === profile.length - 2 ? 0x20 : byte)));
const unavailable = { code: status.UNAVAILABLE, message: /^RegistryUnavailable: / };
const notIt = { code: status.ABORTED };

const cases: readonly Case[] = [
  {
    title: 'sends one byte of a manifest each second',
    answer: (_request, response) => {
      response.writeHead(200, { 'content-type': artifact.descriptor.mediaType });
      drip(artifact.manifestBytes, (byte) => response.write(byte));
    },
    ...unavailable,
    isSlow: true,
  },
  {
    title: 'sends one byte of a profile each second',
    answer: withLayer((_request, response) => {
      response.writeHead(200, { 'content-length': profile.length });
      drip(profile, (byte) => response.write(byte));
    }),
    ...unavailable,
    isSlow: true,
  },
  {
    title: 'never answers',
    answer: () => undefined,
    ...unavailable,
    isSlow: true,
  },
  {
    title: 'sends the manifest of another artifact',
    answer: (request, response) => answerManifest(response, request, other.manifestBytes),
    ...notIt,
  },
  {
    title: 'sends the manifest of another artifact, and claims that it is this one',
    answer: (request, response) => answerManifest(response, request, other.manifestBytes, artifact.descriptor.digest),
    ...notIt,
  },
  {
    title: 'sends another profile of the same length',
    answer: withLayer((_request, response) => response.end(swapped)),
    ...notIt,
  },
  {
    title: 'announces more than it sends',
    answer: withLayer((_request, response) => {
      response.writeHead(200, { 'content-length': profile.length + 100 });
      response.write(profile);
      setTimeout(() => response.destroy(), 20);
    }),
    code: status.RESOURCE_EXHAUSTED,
  },
  {
    title: 'announces the right length, and sends less',
    answer: withLayer((_request, response) => {
      response.writeHead(200, { 'content-length': profile.length });
      response.write(profile.subarray(0, 10));
      setTimeout(() => response.destroy(), 20);
    }),
    ...unavailable,
  },
  {
    title: 'sends without end what it announced as short',
    answer: withLayer((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more).on('error', () => undefined);
      more();
    }),
    code: status.RESOURCE_EXHAUSTED,
  },
  {
    title: 'redirects without end',
    answer: (request, response) => response.writeHead(307, { location: `${request.url}x` }).end(),
    ...unavailable,
  },
  {
    title: 'redirects to a service in the network of the node',
    answer: withLayer((_request, response) =>
      response.writeHead(307, { location: 'http://169.254.169.254/latest/meta-data' }).end(),
    ),
    code: status.PERMISSION_DENIED,
    message: /leads to http:\/\/169\.254\.169\.254/,
  },
  {
    title: 'answers 401 to every token that it issues',
    answer: (request, response) => {
      if (request.url?.startsWith('/token')) response.end(JSON.stringify({ token: `t${Date.now()}` }));
      else {
        const realm = `http://${request.headers.host}/token`;
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="s",scope="x"` }).end();
      }
    },
    code: status.UNAUTHENTICATED,
  },
  {
    title: 'answers 401 where it issues tokens',
    answer: (request, response) => {
      const realm = `http://${request.headers.host}/token`;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="s"` }).end();
    },
    code: status.UNAUTHENTICATED,
  },
];

describe('the shim before a registry that', () => {
  let shim: TestShim;
  let folder: string;
  let runtime: Awaited<ReturnType<typeof startScriptedRuntime>>;
  const fake = new FakeRuntime();
  before(async () => {
    folder = temporaryFolder('hostile-registry');
    const socket = path.join(folder, 'runtime.sock');
    runtime = await startScriptedRuntime(socket, fake.methods());
    const policy = 'rules:\n  - {match: "**", unsigned: true}\n';
    shim = await startTestShim({ runtime: socket, registryHost: 'unused', policy });
  });
  after(async () => {
    await shim?.stop();
    runtime?.kill();
    finishFolder(folder);
  });

  /** How many calls wait for their answer. */
  let waiting = 0;
  /** The connections to the registries that are slow. */
  const connections = new Set<Socket>();

  /** Creates a container with the artifact of a registry, and returns how it is refused. */
  async function refusal(host: string): Promise<CriError> {
    const seccomp = { profileType: ProfileType.OCI, ociRef: `${host}/team/a@${artifact.descriptor.digest}` };
    const config = { metadata: { name: 'main' }, linux: { securityContext: { seccomp } } };
    waiting += 1;
    try {
      await shim.client.createContainer({ podSandboxId: 's', config }, { timeout: deadline });
    } catch (error) {
      return error as CriError;
    } finally {
      waiting -= 1;
    }
    assert.fail('it was created');
  }

  function watch(server: Server): void {
    server.on('connection', (socket: Socket) => {
      connections.add(socket);
      socket.on('error', () => undefined).on('close', () => connections.delete(socket));
    });
  }

  // At the same time, so that the slow ones do not hold the others.
  describe('at the same time as others,', { concurrency: true }, () => {
    for (const { title, answer, code, message, isSlow = false } of cases) {
      it(title, async () => {
        let requests = 0;
        const server = createServer((request, response) => {
          requests += 1;
          answer(request, response);
        });
        if (isSlow) watch(server);
        const error = await refusal(await listen(server));
        assert.equal(error.code, code, error.message);
        assert.match(error.message, /Fairlead refuses the security profile .* of container "main"/);
        if (message !== undefined) assert.match(error.message, message);
        assert.ok(requests <= fewRequests, `${requests} requests`);
      });
    }

    it('sends one byte of the head of its answer each second', async () => {
      const server = createTcpServer((socket) => {
        drip(Buffer.from('HTTP/1.1 200 OK\r\n'), (byte) => socket.write(byte));
      });
      watch(server);
      const error = await refusal(await listen(server));
      assert.equal(error.code, unavailable.code, error.message);
      assert.match(error.message, unavailable.message);
    });

    it('does not keep it from answering other calls', async () => {
      for (let call = 0; call < 20; call += 1) await shim.client.version();
      assert.ok(waiting > 0);
    });
  });

  it('leaves no container, no artifact, and no connection', async () => {
    assert.deepEqual(fake.created, []);
    const { artifacts } = await shim.client.listSecurityProfileArtifacts();
    assert.deepEqual(artifacts, []);
    assert.deepEqual(readdirSync(path.join(shim.state, 'blobs'), { recursive: true }).filter(isBlob), []);
    const refused = shim.log().filter(({ messageId }) => messageId === 'fairlead.profile.refused');
    assert.equal(refused.length, cases.length + 1);
    for (const end = Date.now() + 5_000; connections.size > 0 && Date.now() < end; ) await sleep(20);
    assert.equal(connections.size, 0);
    const [, peak] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${shim.pid}/status`, 'utf8')) ?? [];
    assert.ok(Number(peak) < 256 * 1024, `${peak} KiB`);
  });
});

function isBlob(name: string | Buffer): boolean {
  return /[0-9a-f]{64}/.test(String(name));
}
