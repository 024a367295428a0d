import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { expectedDefault, handlerDefaults } from '#cri-shim/baseline/handler-defaults';
import { askFacts } from '#cri-shim/baseline/runtime-questions';
import { criClient } from '#lib/cri/client';
import { runtimeCaller } from '#lib/cri/runtime-call';
import { machineArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { FakeRuntime } from '#test/support/cri/fake-runtime';
import { startScriptedRuntime } from '#test/support/cri/scripted-runtime';
import { ContainerState, ListContainersResponseSchema } from '../../lib/cri/gen/cri_pb.js';
import type { NodeCheck, NodeParts } from './check.ts';
import { checkBaseline, checkRuntime, checkShim } from './check-processes.ts';

describe('checks of the processes of a node', () => {
  let directory: string;
  let parts: NodeParts;
  let scripted: Awaited<ReturnType<typeof startScriptedRuntime>>;
  const runtime = new FakeRuntime();
  const bounding = ['CAP_CHOWN', 'CAP_KILL'];
  let status: object;
  const shim = createServer((_request, response) => response.end(JSON.stringify(status)));
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-doctor-'));
    const [socket, of] = [join(directory, 'admin.sock'), join(directory, 'runtime.sock')];
    parts = { socket: `unix://${socket}`, runtime: `unix://${of}` } as NodeParts;
    const list: handleUnaryCall<Buffer, Buffer> = (_call, callback) => {
      const containers = [...runtime.infos.keys()].map((id) => ({ id, state: ContainerState.CONTAINER_RUNNING }));
      const message = create(ListContainersResponseSchema, { containers });
      callback(null, Buffer.from(toBinary(ListContainersResponseSchema, message)));
    };
    scripted = await startScriptedRuntime(of, {
      ...runtime.methods(),
      'runtime.v1.RuntimeService/ListContainers': { kind: 'unary', handle: list },
    });
    await new Promise<void>((resolve) => void shim.listen(socket, resolve));
  });
  after(async () => {
    scripted.kill();
    shim.close();
    await rm(directory, { recursive: true });
  });
  beforeEach(() => {
    Object.assign(runtime, { name: 'cri-o', version: '1.37.0' });
    runtime.infos.clear();
  });
  const resultOf = async (check: Promise<NodeCheck>) => {
    const { result, seen, hint = '' } = await check;
    return `${result}: ${seen} | ${hint}`;
  };

  it('find a shim that is not ready, with the reasons', async () => {
    status = { version: '1.2.3', isReady: true, checks: [{ name: 'runtime' }] };
    assert.match(await resultOf(checkShim(parts)), /^ok: version 1\.2\.3 is ready/);
    const checks = [{ name: 'runtime', problem: 'no answer' }, { name: 'policy' }, { name: 'store', problem: 'full' }];
    status = { version: '1.2.3', isReady: false, checks };
    assert.match(
      await resultOf(checkShim(parts)),
      /^failed: version 1\.2\.3 is not ready: runtime: no answer; store: full \| .*journalctl/,
    );
  });

  it('find a runtime that answers', async () => {
    assert.match(await resultOf(checkRuntime(parts)), /^ok: cri-o 1\.37\.0 answers on unix:/);
  });

  it('compare the default profile of the runtime with what it reports', async () => {
    const signal = AbortSignal.timeout(30_000);
    const cri = criClient(runtimeCaller(join(directory, 'runtime.sock')));
    const machine = { architecture: machineArchitecture(process.arch), kernel: release() };
    const defaults = await handlerDefaults(await askFacts(cri, signal), '');
    const profile = await expectedDefault(defaults, { ...machine, capabilities: bounding });
    const annotations = { 'io.kubernetes.cri-o.SeccompProfilePath': 'RuntimeDefault' };
    assert.match(await resultOf(checkBaseline(parts)), /^ok: .*is known; no running container/);
    runtime.report('c1', { profile, bounding, annotations });
    assert.match(await resultOf(checkBaseline(parts)), /^ok: .*is known; 1 running container has it/);
    const syscalls = (profile.syscalls ?? []).map((rule) => ({
      ...rule,
      names: rule.names.filter((name) => name !== 'chmod'),
    }));
    const differing = { ...profile, syscalls: syscalls.filter(({ names }) => names.length > 0) };
    runtime.report('c1', { profile: differing, bounding, annotations });
    assert.match(
      await resultOf(checkBaseline(parts)),
      /^warning: the default profile of cri-o 1\.37\.0 permits less for chmod than is known of it \| .*`baseline`/,
    );
  });

  it('report what is assumed about a runtime that is not known', async () => {
    runtime.name = 'other';
    assert.match(
      await resultOf(checkBaseline(parts)),
      /^warning: the runtime is not known: .* \| Name a profile as `baseline`/,
    );
  });
});

describe('checks of the processes of a node that do not answer', () => {
  let parts: NodeParts;
  before(() => {
    const root = mkdtempSync(join(tmpdir(), 'fairlead-doctor-'));
    const socket = (name: string): string => `unix://${root}/${name}.sock`;
    parts = {
      ...{ root, socket: socket('admin'), listen: socket('shim'), runtime: socket('runtime'), lsm: socket('lsm') },
      ...{ policy: `${root}/policy.yaml`, state: `${root}/state` },
    };
  });
  after(() => rmSync(parts.root, { recursive: true }));
  const lineOf = ({ result, seen, hint = '' }: NodeCheck): string => `${result}: ${seen} | ${hint}`;

  it('name the socket on which no shim answers, and how to start one', async () => {
    assert.match(
      lineOf(await checkShim(parts)),
      /^failed: no shim answers on unix:.*admin\.sock \| Start it: systemctl start fairlead-shim\. Without .*--admin/,
    );
  });

  it('name the socket on which no runtime answers, and the option for another one', async () => {
    for (const check of [checkRuntime, checkBaseline]) {
      assert.match(
        lineOf(await check(parts)),
        /^failed: .* did not answer .*: connect ENOENT .*runtime\.sock \| Start .*, or specify its socket with --runtime/,
      );
    }
  });
});
