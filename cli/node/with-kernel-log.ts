import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExplainedContainer, PodExplanation } from '#cri-shim/admin/documents';
import { toFairleadError } from '#lib/errors';
import {
  countLogged,
  type Logged,
  type LoggedContainer,
  type LoggedOfContainer,
} from '#lib/node/kernel-log/count-logged';
import { parseKernelRecord } from '#lib/node/kernel-log/kernel-record';
import { type KernelLog, readKernelLog } from '#lib/node/kernel-log/read-kernel-log';
import { type RunningProcess, runningProcess } from '#lib/node/kernel-log/running-process';
import type { AppliedRecord } from '#lib/node/store/use-note';

/** A container of a pod, with what the kernel has logged of it. */
export interface ContainerWithKernelLog extends ExplainedContainer {
  /** Absent if its profiles are enforced, and if the kernel's log cannot be read. */
  readonly logged?: LoggedOfContainer;
}

/** What a pod runs under, with what the kernel has logged of it. */
export interface PodWithKernelLog extends PodExplanation {
  readonly containers: readonly ContainerWithKernelLog[];
  /** Absent if all profiles are enforced. */
  readonly kernelLog?: KernelLogOfPod;
}

/** How complete the records of a pod are. */
export interface KernelLogOfPod extends Omit<Logged, 'byContainer' | 'endedOmitted'> {
  /** Why records are missing, and what to do. */
  readonly notes: readonly string[];
}

/** The dependencies of withKernelLog. */
interface WithKernelLogDependencies {
  /** The root of the file system of the node. */
  readonly root: string;
  readonly readLog: () => Promise<KernelLog>;
}

/**
 * Adds to a pod what the kernel has logged of its containers whose profiles are logged and not
 * enforced (mode=log). If the log cannot be read, a note of the result states why.
 */
export async function withKernelLog(
  pod: PodExplanation,
  { root, readLog }: WithKernelLogDependencies = { root: '/', readLog: readKernelLog },
): Promise<PodWithKernelLog> {
  const containers = pod.containers.flatMap(loggedContainer);
  if (containers.length === 0) return pod;
  const notes = await settingNotes(root);
  try {
    const { texts, isOverwritten } = await readLog();
    const records = texts.flatMap((text) => parseKernelRecord(text) ?? []);
    const pids = records.flatMap((record) => (record.kind === 'Suppressed' ? [] : record.pid));
    const { byContainer, endedOmitted, ...rest } = countLogged(
      records,
      containers,
      await running(pids, join(root, 'proc')),
    );
    return {
      ...pod,
      containers: pod.containers.map((container) => {
        const logged = byContainer.get(container.id);
        return logged === undefined ? container : { ...container, logged };
      }),
      kernelLog: {
        ...rest,
        notes: [
          ...[...notes, ...sharedNotes(pod), ...(isOverwritten ? [overwritten] : [])],
          ...(endedOmitted === 0
            ? []
            : [`${endedOmitted} records more are of programs that have ended, and are left out.`]),
        ],
      },
    };
  } catch (thrown) {
    const { message } = toFairleadError(thrown);
    const problem = `The log of the kernel cannot be read: ${message}. Run the command as root, with CAP_SYSLOG.`;
    return { ...pod, kernelLog: { ended: [], endedAccesses: 0, suppressed: 0, notes: [...notes, problem] } };
  }
}

const overwritten = 'The log of the kernel has a limited size, and its older records were overwritten.';

/** Returns a container if one of its profiles is logged only. */
function loggedContainer({ id, applied }: ExplainedContainer): readonly LoggedContainer[] {
  const logged = applied.filter(({ mode }) => mode === 'Log');
  if (logged.length === 0) return [];
  const appArmor = logged.find(isLoggedAppArmor)?.installed;
  return [{ id, appliedAt: Math.min(...logged.map(({ time }) => Date.parse(time))), appArmor }];
}

function isLoggedAppArmor({ kind, mode }: AppliedRecord): boolean {
  return kind === 'AppArmor' && mode === 'Log';
}

async function running(pids: readonly number[], proc: string): Promise<ReadonlyMap<number, RunningProcess>> {
  const found = new Map<number, RunningProcess>();
  for (const pid of new Set(pids)) {
    const process = await runningProcess(pid, proc);
    if (process !== undefined) found.set(pid, process);
  }
  return found;
}

/** Returns which accesses of other pods are counted, too. */
function sharedNotes({ containers }: PodExplanation): readonly string[] {
  return containers.flatMap(({ name = 'the sandbox', appArmorElsewhere, applied }) => {
    if (appArmorElsewhere === undefined || !applied.some(isLoggedAppArmor)) return [];
    const many = appArmorElsewhere === 1 ? '1 container' : `${appArmorElsewhere} containers`;
    return `${many} of other pods have the AppArmor profile of ${name}: accesses of their processes that have ended are counted, too.`;
  });
}

/** Returns why the kernel does not print all records of the audit system. */
async function settingNotes(root: string): Promise<readonly string[]> {
  // Kernels without seccomp have no such file.
  const actions = await readFile(join(root, 'proc/sys/kernel/seccomp/actions_logged'), 'utf8').catch(() => undefined);
  const isLogged = actions === undefined || actions.trim().split(/\s+/).includes('log');
  const auditd = await processNamed('auditd', join(root, 'proc'));
  return [
    ...(isLogged ? [] : ['The sysctl kernel.seccomp.actions_logged lacks log: no call is logged. Add it.']),
    ...(auditd === undefined
      ? []
      : [
          `auditd (process ${auditd}) takes the records, and the kernel does not print them: ausearch -m SECCOMP,AVC shows them.`,
        ]),
  ];
}

/** Returns a process of the node, not of a container, which can give its processes any name. */
async function processNamed(name: string, proc: string): Promise<string | undefined> {
  const pids = (await readdir(proc)).filter((entry) => /^\d+$/.test(entry));
  for (const pid of pids) {
    // The process may have ended meanwhile.
    const comm = await readFile(join(proc, pid, 'comm'), 'utf8').catch(() => '');
    if (comm.trim() === name && (await isOfNode(pid, proc))) return pid;
  }
  return undefined;
}

/** Reports whether a process has one number only: those of containers have one in theirs, too. */
async function isOfNode(pid: string, proc: string): Promise<boolean> {
  const status = await readFile(join(proc, pid, 'status'), 'utf8').catch(() => '');
  return /^NSpid:\t\d+$/m.test(status);
}
