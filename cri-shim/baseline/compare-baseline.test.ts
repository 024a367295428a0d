import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { criClient } from '#lib/cri/client';
import { FairleadError } from '#lib/errors';
import { FakeRuntime } from '#test/support/cri/fake-runtime';
import {
  ContainerState,
  ContainerStatusRequestSchema,
  ListContainersResponseSchema,
} from '../../lib/cri/gen/cri_pb.js';
import { compareBaseline } from './compare-baseline.ts';
import { expectedDefault, handlerDefaults } from './handler-defaults.ts';
import { askFacts } from './runtime-questions.ts';

const machine = { architecture: 'amd64', kernel: '6.1.0' } as const;
const bounding = ['CAP_CHOWN', 'CAP_KILL'];
const signal = AbortSignal.timeout(30_000);
const annotation = 'io.kubernetes.cri-o.SeccompProfilePath';

describe('compareBaseline', () => {
  let runtime: FakeRuntime;
  const cri = criClient(async (method, request) => {
    if (method.endsWith('/ContainerStatus')) {
      const { containerId } = fromBinary(ContainerStatusRequestSchema, request);
      if (containerId === 'gone') throw new FairleadError('NotFound', 'it was removed');
    }
    if (!method.endsWith('/ListContainers')) return runtime.answer(method, request);
    const containers = [...runtime.infos.keys()].map((id) => ({ id, state: ContainerState.CONTAINER_RUNNING }));
    return toBinary(ListContainersResponseSchema, create(ListContainersResponseSchema, { containers }));
  });
  const known = async () =>
    expectedDefault(await handlerDefaults(await askFacts(cri, signal), ''), { ...machine, capabilities: bounding });
  beforeEach(() => {
    runtime = new FakeRuntime();
  });

  it('finds no difference if the runtime reports what is known, and skips other containers', async () => {
    const profile = await known();
    runtime.report('c1', { profile, bounding, annotations: { [annotation]: 'RuntimeDefault' } });
    runtime.report('c2', { profile: { ...profile, syscalls: [] }, bounding, annotations: { [annotation]: '/a.json' } });
    const { runtime: name, compared, loosened, tightened } = await compareBaseline(cri, machine, signal);
    assert.deepEqual([name, compared, loosened, tightened], ['cri-o 1.37.0', 1, [], []]);
  });

  it('skips containers of which the runtime reports what cannot be read', async () => {
    const profile = await known();
    for (const [index, info] of ['', '{', 'null', '[]', '"x"', '{"config":null}', '{"runtimeSpec":1}'].entries()) {
      runtime.infos.set(`odd${index}`, info);
    }
    runtime.report('c1', { profile, bounding, annotations: { [annotation]: 'RuntimeDefault' } });
    assert.equal((await compareBaseline(cri, machine, signal)).compared, 1);
  });

  it('skips containers that are removed meanwhile', async () => {
    runtime.infos.set('gone', '{}');
    runtime.report('c1', { profile: await known(), bounding, annotations: { [annotation]: 'RuntimeDefault' } });
    assert.equal((await compareBaseline(cri, machine, signal)).compared, 1);
  });

  it('names the system calls in which the runtime differs', async () => {
    const profile = await known();
    const syscalls = (profile.syscalls ?? []).map((rule) => ({
      ...rule,
      names: rule.names.filter((name) => !['chmod', 'kexec_load'].includes(name)),
    }));
    const loose = { names: ['kexec_load'], action: 'SCMP_ACT_ALLOW' } as const;
    runtime.report('c1', {
      profile: { ...profile, syscalls: [...syscalls.filter(({ names }) => names.length > 0), loose] },
      bounding,
      annotations: { [annotation]: 'RuntimeDefault' },
    });
    const { compared, loosened, tightened } = await compareBaseline(cri, machine, signal);
    assert.deepEqual([compared, loosened, tightened], [1, ['kexec_load'], ['chmod']]);
  });
});
