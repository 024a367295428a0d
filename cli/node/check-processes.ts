import { readdir, readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import type { NodeStatus } from '#cri-shim/admin/documents';
import { compareBaseline } from '#cri-shim/baseline/compare-baseline';
import { parseSocketAddress } from '#cri-shim/proxy/socket';
import { criClient } from '#lib/cri/client';
import { isRefused, runtimeCaller } from '#lib/cri/runtime-call';
import { FairleadError, toFairleadError } from '#lib/errors';
import { machineArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { askShim } from './admin-client.ts';
import { checked, type NodeCheck, type NodeParts } from './check.ts';

/** How long a call to the runtime may take, in milliseconds. */
const patience = 10_000;
const startRuntime = 'Start the container runtime, or specify its socket with --runtime.';
const defaultKubeletConfig = '/var/lib/kubelet/config.yaml';

/** Checks that the shim runs and is ready. */
export function checkShim(parts: NodeParts): Promise<NodeCheck> {
  return checked('shim', async () => {
    const { version, isReady, checks } = await withHint(
      'Start it: systemctl start fairlead-shim. Without systemd, start it with --admin. If its socket is another one, specify it with --socket.',
      askShim<NodeStatus>(parts, 'GET', '/v1/status'),
    );
    if (isReady) return { result: 'ok', seen: `version ${version} is ready` };
    const problems = checks.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${name}: ${problem}`]));
    return {
      ...{ result: 'failed', seen: `version ${version} is not ready: ${problems.join('; ')}` },
      hint: 'The checks below state what to do. The log of the shim: journalctl -u fairlead-shim',
    };
  });
}

/** Checks that the kubelet calls the shim, by its arguments and its configuration. */
export function checkKubelet({ listen, root }: NodeParts): Promise<NodeCheck> {
  return checked('kubelet', async () => {
    const args = await kubeletArguments(join(root, 'proc'));
    const file = join(root, flag(args ?? [], 'config') ?? defaultKubeletConfig);
    const config = await readFile(file, 'utf8').catch(() => undefined);
    const endpoint = flag(args ?? [], 'container-runtime-endpoint') ?? (await endpointOf(config));
    if (endpoint === undefined) {
      const seen = args === undefined ? 'no kubelet runs' : 'its arguments and its configuration name no endpoint';
      return {
        ...{ result: 'warning', seen: `${seen}; ${config === undefined ? `cannot read ${file}` : `read ${file}`}` },
        hint: `Set containerRuntimeEndpoint: ${listen} in the configuration of the kubelet, and start it.`,
      };
    }
    if (parseSocketAddress(endpoint) === parseSocketAddress(listen)) {
      return { result: 'ok', seen: `calls ${endpoint}` };
    }
    return {
      ...{ result: 'failed', seen: `calls ${endpoint}, past the shim` },
      hint: `Set containerRuntimeEndpoint: ${listen} in ${file}, and restart the kubelet.`,
    };
  });
}

/** Checks that the runtime answers. */
export function checkRuntime({ runtime }: NodeParts): Promise<NodeCheck> {
  return checked('runtime', async () => {
    const cri = criClient(runtimeCaller(parseSocketAddress(runtime)));
    const { runtimeName, runtimeVersion } = await withHint(
      startRuntime,
      cri.version({}, AbortSignal.timeout(patience)),
    );
    return { result: 'ok', seen: `${runtimeName} ${runtimeVersion} answers on ${runtime}` };
  });
}

/** Compares the default profile that is known of the runtime with what the runtime reports. */
export function checkBaseline({ runtime }: NodeParts): Promise<NodeCheck> {
  return checked('baseline', async () => {
    const cri = criClient(runtimeCaller(parseSocketAddress(runtime)));
    const machine = { architecture: machineArchitecture(process.arch), kernel: release() };
    const found = await withHint(startRuntime, compareBaseline(cri, machine, AbortSignal.timeout(patience)));
    const { assumption, compared, loosened, tightened } = found;
    const differs = [
      ...(loosened.length === 0 ? [] : [`permits more for ${loosened.join(', ')}`]),
      ...(tightened.length === 0 ? [] : [`permits less for ${tightened.join(', ')}`]),
    ];
    if (differs.length > 0) {
      return {
        ...{
          result: 'warning',
          seen: `the default profile of ${found.runtime} ${differs.join('; ')} than is known of it`,
        },
        hint: 'The shim applies what the runtime reports. Set `baseline` in the policy to decide yourself.',
      };
    }
    if (assumption !== undefined) {
      return { result: 'warning', seen: assumption, hint: 'Name a profile as `baseline` of the policy to be certain.' };
    }
    const many = compared === 1 ? '1 running container has it' : `${compared} running containers have it`;
    const seen = compared === 0 ? 'no running container is under it to compare' : many;
    return { result: 'ok', seen: `the default profile of ${found.runtime} is known; ${seen}` };
  });
}

/** Returns what a process answers. If it does not answer, the error has the given hint. */
async function withHint<Answer>(hint: string, answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (thrown) {
    const { kind, message, cause } = toFairleadError(thrown);
    if (kind !== 'Unavailable' || isRefused(thrown)) throw thrown;
    throw new FairleadError(kind, message, { cause, hint });
  }
}

/** Returns the arguments of the kubelet; undefined if none runs. */
async function kubeletArguments(proc: string): Promise<readonly string[] | undefined> {
  const ids = (await readdir(proc).catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const id of ids) {
    const args = (await readFile(join(proc, id, 'cmdline'), 'utf8').catch(() => '')).split('\0');
    if (/(?:^|\/)kubelet$/.test(args[0] ?? '')) return args.slice(1);
  }
  return undefined;
}

function flag(args: readonly string[], name: string): string | undefined {
  const index = args.indexOf(`--${name}`);
  if (index >= 0) return args[index + 1];
  return args.find((each) => each.startsWith(`--${name}=`))?.slice(name.length + 3);
}

async function endpointOf(config: string | undefined): Promise<string | undefined> {
  const { parse } = await import('yaml');
  const document: unknown = config === undefined ? undefined : parse(config);
  const endpoint: unknown =
    typeof document === 'object' && document !== null ? Reflect.get(document, 'containerRuntimeEndpoint') : undefined;
  return typeof endpoint === 'string' && endpoint !== '' ? endpoint : undefined;
}
