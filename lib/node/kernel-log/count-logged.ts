import type { KernelRecord, LoggedAccess, LoggedCall } from './kernel-record.ts';
import type { RunningProcess } from './running-process.ts';

/** A container whose profile is logged and not enforced. */
export interface LoggedContainer {
  readonly id: string;
  /** When its profile was applied, in milliseconds since the epoch. */
  readonly appliedAt: number;
  /** The AppArmor profile that confines it, if that is logged. */
  readonly appArmor?: string | undefined;
}

/** Calls of a system call. */
export interface CallCount {
  readonly syscall: string;
  readonly count: number;
}

/** Calls of a system call by a program that has ended. */
export interface EndedCount extends CallCount {
  readonly program: string;
}

/** Accesses of the same kind to the same subject. */
export interface AccessCount {
  readonly operation: string;
  /** The path, the capability, the type of socket, or what else it is about. */
  readonly subject: string;
  readonly count: number;
}

/** What the kernel has logged of a container. Lists have the most frequent first, at most 50. */
export interface LoggedOfContainer {
  /** What the seccomp profile would have refused. */
  readonly calls: readonly CallCount[];
  /** What the AppArmor profile would have refused. */
  readonly accesses: readonly AccessCount[];
  /** What was executed: the AppArmor profile would have refused what it does not list. */
  readonly executed: readonly AccessCount[];
  /** The number of records that the lists leave out. */
  readonly omitted: number;
}

/** What the kernel has logged of containers. */
export interface Logged {
  readonly byContainer: ReadonlyMap<string, LoggedOfContainer>;
  /** Calls since the first of the containers whose process has ended: they may be of others. */
  readonly ended: readonly EndedCount[];
  /** The number of records that this list leaves out. */
  readonly endedOmitted: number;
  /** The same for accesses under a profile that several of the containers have. */
  readonly endedAccesses: number;
  /** The number of records that the kernel has not printed, of the whole node. */
  readonly suppressed: number;
}

/** How many rows a list has at most. */
const mostRows = 50;
/** How much the clocks of records and processes may differ, in milliseconds. */
const clockDifference = 1000;

/**
 * Counts what the kernel has logged of containers. A record is of the container in whose control
 * group its process is. Of a process that has ended, an access is of the container that has the
 * profile, and a call is of none.
 *
 * @param processes the processes of the records that still run, by their number.
 */
export function countLogged(
  records: readonly KernelRecord[],
  containers: readonly LoggedContainer[],
  processes: ReadonlyMap<number, RunningProcess>,
): Logged {
  const since = Math.min(...containers.map(({ appliedAt }) => appliedAt)) - clockDifference;
  const found = new Map(containers.map(({ id }): [string, (LoggedCall | LoggedAccess)[]] => [id, []]));
  const ended: LoggedCall[] = [];
  let endedAccesses = 0;
  let suppressed = 0;
  for (const record of records) {
    if (record.kind === 'Suppressed') {
      suppressed += record.count;
      continue;
    }
    if (record.time < since) continue;
    const process = processes.get(record.pid);
    if (process !== undefined && process.startedAt <= record.time + clockDifference) {
      const owner = containers.find(({ id }) => process.cgroups.includes(id));
      if (owner !== undefined) found.get(owner.id)?.push(record);
    } else if (record.kind === 'Seccomp') {
      ended.push(record);
    } else {
      const [owner, ...others] = containers.filter(({ appArmor }) => appArmor === record.profile);
      if (others.length > 0) endedAccesses += 1;
      else if (owner !== undefined) found.get(owner.id)?.push(record);
    }
  }
  const endedRows = rows(ended, ({ program, syscall }) => ({ program, syscall }));
  return {
    byContainer: new Map([...found].map(([id, of]) => [id, countOf(of)])),
    ended: endedRows.slice(0, mostRows),
    ...{ endedOmitted: countBeyond(endedRows), endedAccesses, suppressed },
  };
}

function countOf(records: readonly (LoggedCall | LoggedAccess)[]): LoggedOfContainer {
  const accesses = records.filter((record) => record.kind === 'AppArmor');
  const of = ({ operation, subject }: LoggedAccess): Omit<AccessCount, 'count'> => ({ operation, subject });
  const all = {
    calls: rows(
      records.filter((record) => record.kind === 'Seccomp'),
      ({ syscall }) => ({ syscall }),
    ),
    accesses: rows(
      accesses.filter(({ isPermitted }) => !isPermitted),
      of,
    ),
    executed: rows(
      accesses.filter(({ isPermitted }) => isPermitted),
      of,
    ),
  };
  return {
    calls: all.calls.slice(0, mostRows),
    accesses: all.accesses.slice(0, mostRows),
    executed: all.executed.slice(0, mostRows),
    omitted: countBeyond(all.calls) + countBeyond(all.accesses) + countBeyond(all.executed),
  };
}

/** Returns the number of records in the rows that a list leaves out. */
function countBeyond(list: readonly { readonly count: number }[]): number {
  return list.slice(mostRows).reduce((sum, { count }) => sum + count, 0);
}

/** Counts records that are described alike, the most frequent first. */
function rows<Record, Row extends object>(
  records: readonly Record[],
  describe: (record: Record) => Row,
): readonly (Row & { readonly count: number })[] {
  const groups = Map.groupBy(records, (record) => JSON.stringify(describe(record)));
  return [...groups]
    .map(([text, of]) => ({ ...(JSON.parse(text) as Row), count: of.length }))
    .sort((a, b) => b.count - a.count);
}
