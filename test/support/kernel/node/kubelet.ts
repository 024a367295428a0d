// Runs in a virtual machine, in the role of the kubelet: makes a pod, and takes the steps for its
// containers that come by a pipe, as long as the machine runs.
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { busyboxReference, pauseReference } from '../../../peers/image.ts';
import { CriError, connectCri } from '../../cri/client.ts';
import { containerConfig, type PodOptions, sandboxConfig } from '../../cri/pod.ts';
import {
  answersPipe,
  type NodeAnswer,
  type NodeStep,
  nodeFolder,
  runtimeSocket,
  shimSocket,
  stepsPipe,
} from './node-steps.ts';

const done = { done: true } as const;
const client = connectCri(shimSocket);
const direct = connectCri(runtimeSocket);
const config = sandboxConfig({ name: 'pod' }, `${nodeFolder}/logs`);
/** The ids of the containers, by their names. */
const ids = new Map<string, string>();

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds().catch(() => false))) await sleep(50);
}

function idOf(name: string): string {
  const id = ids.get(name);
  if (id === undefined) throw new Error(`there is no container ${name}`);
  return id;
}

/** The first field of calls that Fairlead does not know, which is the id of a container. */
function named(id: string): Buffer {
  return Buffer.concat([Buffer.from([0x0a, id.length]), Buffer.from(id)]);
}

async function create(podSandboxId: string, name: string, options: PodOptions = {}): Promise<void> {
  const request = { podSandboxId, config: containerConfig({ ...options, containerName: name }), sandboxConfig: config };
  ids.set(name, (await client.createContainer(request)).containerId);
}

async function start(name: string): Promise<void> {
  await client.startContainer({ containerId: idOf(name) });
}

/** Asks containerd, which answers also if there is no shim. */
async function labelOf(containerId: string): Promise<string> {
  const { info } = await direct.containerStatus({ containerId, verbose: true });
  const { pid } = JSON.parse(info['info'] ?? '{}') as { pid?: number };
  return (await readFile(`/proc/${pid}/attr/apparmor/current`, 'utf8')).trim();
}

async function take(podSandboxId: string, step: NodeStep): Promise<NodeAnswer> {
  if ('ready' in step) {
    await until(async () => (await client.version()).runtimeName !== '');
  } else if ('create' in step) await create(podSandboxId, step.create, step.of);
  else if ('start' in step) await start(step.start);
  else if ('run' in step) {
    await create(podSandboxId, step.run, step.of);
    await start(step.run);
  } else if ('exec' in step) {
    const request = { containerId: idOf(step.in), cmd: [...step.exec], timeout: 20n };
    const { exitCode, stdout, stderr } = await client.execSync(request);
    return { exitCode, output: Buffer.concat([stdout, stderr]).toString() };
  } else if ('label' in step) return { label: await labelOf(idOf(step.label)) };
  else if ('stop' in step) {
    const containerId = idOf(step.stop);
    const seconds = [0x10, 10];
    await client.raw(
      '/runtime.v1.RuntimeService/StopContainer',
      Buffer.concat([named(containerId), Buffer.from(seconds)]),
    );
    return { exitCode: (await client.containerStatus({ containerId })).status?.exitCode ?? -1 };
  } else await client.raw('/runtime.v1.RuntimeService/RemoveContainer', named(idOf(step.remove)));
  return done;
}

for (const image of [busyboxReference, pauseReference])
  await until(async () => (await direct.imageStatus({ image: { image } })).image !== undefined);
await until(async () => (await client.version()).runtimeName !== '');
const { podSandboxId } = await client.runPodSandbox({ config });

for (;;) {
  const steps = JSON.parse(await readFile(stepsPipe, 'utf8')) as readonly NodeStep[];
  const answers: NodeAnswer[] = [];
  for (const step of steps) {
    const answer = await take(podSandboxId, step).catch((thrown: unknown) => ({
      code: thrown instanceof CriError ? thrown.code : undefined,
      message: thrown instanceof Error ? thrown.message : String(thrown),
    }));
    answers.push(answer);
  }
  await writeFile(answersPipe, JSON.stringify(answers));
}
