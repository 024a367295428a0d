import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { endHeaders, endStream, frame, headerList } from '#test/support/cri/http2-frames';
import { BytesClient, startScriptedRuntime } from '#test/support/cri/scripted-runtime';
import {
  CreateContainerRequestSchema,
  RunPodSandboxRequestSchema,
  SecurityProfile_ProfileType,
} from '../lib/cri/gen/cri_pb.js';
import type { ShimLog } from './report/shim-log.ts';
import { type Shim, startShim } from './shim.ts';

const reference = `127.0.0.1:1/security/nginx@sha256:${'ab'.repeat(32)}`;
const services = ['runtime.v1.RuntimeService', 'runtime.v1alpha2.RuntimeService'];

describe('shim, where its callers are hostile or odd', () => {
  let directory: string;
  let created: Buffer[];
  let logged: string[];
  let shim: Shim;
  const undo: (() => Promise<void> | void)[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-shim-'));
    created = [];
    const creation: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
      created.push(call.request);
      callback(null, Buffer.alloc(0));
    };
    const methods = services.flatMap((service) => [`${service}/CreateContainer`, `${service}/RunPodSandbox`]);
    const runtime = await startScriptedRuntime(
      join(directory, 'runtime.sock'),
      Object.fromEntries(methods.map((method) => [method, { kind: 'unary' as const, handle: creation }])),
    );
    await writeFile(join(directory, 'policy.yaml'), 'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules: []\n');
    const nothing = (): void => undefined;
    logged = [];
    const note = (...record: unknown[]): void => void logged.push(JSON.stringify(record));
    shim = await startShim({
      listen: `unix://${join(directory, 'shim.sock')}`,
      runtime: `unix://${join(directory, 'runtime.sock')}`,
      policy: join(directory, 'policy.yaml'),
      state: join(directory, 'state'),
      metrics: '127.0.0.1:0',
      build: { version: '1.2.3' },
      log: { debug: nothing, info: nothing, warn: note, error: note } as ShimLog,
    });
    undo.push(
      () => rm(directory, { recursive: true }),
      runtime.kill,
      () => shim.stop(),
    );
  });
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  it('looks into the older CRI service too, which kubelets before 1.23 speak with containerd 1.6 and 1.7', async () => {
    const client = new BytesClient(join(directory, 'shim.sock'));
    undo.push(() => client.close());
    const sandboxConfig = { annotations: { 'seccomp-profile.crio.io/POD': reference } };
    const container = create(CreateContainerRequestSchema, { config: {}, sandboxConfig });
    const sandbox = create(RunPodSandboxRequestSchema, { config: sandboxConfig });
    for (const service of services) {
      const creation = client.unary(`${service}/CreateContainer`, toBinary(CreateContainerRequestSchema, container));
      await assert.rejects(creation, { code: 7 }, service);
      const run = client.unary(`${service}/RunPodSandbox`, toBinary(RunPodSandboxRequestSchema, sandbox));
      await assert.rejects(run, { code: 7 }, service);
    }
    assert.deepEqual(created, []);
  });

  it('logs little of a refusal, however long what a pod names', async () => {
    const client = new BytesClient(join(directory, 'shim.sock'));
    undo.push(() => client.close());
    const long = 'x'.repeat(1024 * 1024);
    const root = '/var/lib/kubelet/seccomp';
    const { Localhost, OCI } = SecurityProfile_ProfileType;
    const localhost = (localhostRef: string) => ({ profileType: Localhost, localhostRef });
    const withBase = (type: number, localhostRef: string) => ({
      profileType: OCI,
      ociRef: reference,
      baseProfile: { type, localhostRef },
    });
    const profiles = [
      localhost(`${root}/oci/${long}`),
      localhost(`${root}/oci/a@sha256:${long}`),
      localhost(`${root}/oci/../oci/${long}`),
      localhost(`${root}/oci/${reference}?${long}`),
      localhost(`${root}/oci/${reference}?base=${long}`),
      localhost(`${root}/oci/${reference}?base=${long}/..`),
      localhost(`/${long}@sha256:00`),
      { profileType: OCI, ociRef: long },
      withBase(9, long),
      withBase(2, `${root}/${long}`),
      withBase(2, long),
    ];
    const requests = [
      ...profiles.map((seccomp) => ({ config: { linux: { securityContext: { seccomp } } } })),
      ...profiles.map((seccomp) => ({
        config: { metadata: { name: long }, linux: { securityContext: { seccomp } } },
        sandboxConfig: { metadata: { name: long, namespace: long } },
      })),
      { config: {}, sandboxConfig: { annotations: { 'seccomp-profile.crio.io/POD': long } } },
      { config: { linux: { securityContext: { seccompProfilePath: `localhost/${root}/oci/${long}` } } } },
    ];
    for (const request of requests) {
      const message = toBinary(CreateContainerRequestSchema, create(CreateContainerRequestSchema, request));
      await assert.rejects(
        client.unary(`${services[0]}/CreateContainer`, message),
        ({ details }: { details: string }) => {
          assert.ok(details.length < 5000, `${details.length} characters of status`);
          return true;
        },
      );
    }
    assert.deepEqual(created, []);
    // The runtime of this test does not answer Version, which is logged too.
    const refused = logged.filter((line) => line.includes('fairlead.profile.refused'));
    assert.equal(refused.length, requests.length);
    for (const line of logged) assert.ok(line.length < 20_000, `${line.length} characters`);
  });

  it('counts failures of calls that it does not know under one name', async () => {
    for (const path of ['/made.Up/One', '/made.Up/Two']) {
      const socket = connectSocket(join(directory, 'shim.sock'));
      undo.push(() => void socket.destroy());
      // Node receives `age` twice and does not send it twice, so that the call cannot be passed on.
      const call = headerList(
        [':method', 'POST'],
        [':scheme', 'http'],
        [':authority', 'localhost'],
        [':path', path],
        ['age', '1'],
        ['age', '2'],
      );
      socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
      socket.write(Buffer.concat([frame(4, 0, 0), frame(1, endHeaders | endStream, 1, call)]));
    }
    let metrics = '';
    for (let tries = 0; tries < 200 && !metrics.includes('kind="Internal"} 2'); tries++) {
      await sleep(10);
      metrics = await (await fetch(`http://${shim.metrics}/metrics`)).text();
    }
    assert.match(metrics, /refusals_total\{method="other",kind="Internal"\} 2/);
    assert.doesNotMatch(metrics, /made/);
  });
});
