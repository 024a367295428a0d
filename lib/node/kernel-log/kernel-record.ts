import { syscallOfNumber } from '#lib/profile/seccomp/tables/syscall-of-number';

/** When a record was written, and by which process. */
interface Origin {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** The process, in the namespace of the node. */
  readonly pid: number;
}

/** A system call that a seccomp filter has logged and permitted (SCMP_ACT_LOG). */
export interface LoggedCall extends Origin {
  readonly kind: 'Seccomp';
  /** The path of the program in its container, or its name if it has none. */
  readonly program: string;
  readonly syscall: string;
}

/** An access that an AppArmor profile in complain mode has logged and permitted. */
export interface LoggedAccess extends Origin {
  readonly kind: 'AppArmor';
  /** The name of the profile, without those of its children. */
  readonly profile: string;
  readonly operation: string;
  /** The path, the capability, the type of socket, or what else it is about. */
  readonly subject: string;
  /** True if a rule permits and logs it, as the execution of every program in complain mode. */
  readonly isPermitted: boolean;
}

/** The number of audit records that the kernel has not printed, because there were too many. */
export interface SuppressedRecords {
  readonly kind: 'Suppressed';
  readonly count: number;
}

export type KernelRecord = LoggedCall | LoggedAccess | SuppressedRecords;

/** SECCOMP_RET_LOG: other codes are those of calls that a filter has refused. */
const logged = '0x7ffc0000';
const auditType = /^audit: type=(1326|1400) audit\(([\d.]+):\d+\): /;
/**
 * The whole text: programs with CAP_AUDIT_WRITE choose how the text of a message of theirs ends.
 */
const suppression = /^(?:audit: )?k?auditd?_printk_skb: (\d+) callbacks suppressed$/;
/** A value without quotation marks ends at a blank. */
const field = /([\w-]+)=(?:"([^"]*)"|(\S*))/g;
/** The fields that the kernel writes in hex if they contain blanks or control characters. */
const untrusted: ReadonlySet<string> = new Set(['comm', 'exe', 'name', 'profile', 'srcname', 'target']);
/** The fields that name what an access is about; all that a record has are shown. */
const subjectFields = ['name', 'capname', 'family', 'sock_type', 'signal', 'peer', 'srcname', 'target'];

/**
 * Reads the text of one record of the kernel's log: a call that seccomp has logged, an access that
 * AppArmor has logged, or how many records were not printed. Returns undefined for any other.
 */
export function parseKernelRecord(text: string): KernelRecord | undefined {
  const suppressed = suppression.exec(text)?.[1];
  if (suppressed !== undefined) return { kind: 'Suppressed', count: Number(suppressed) };
  const [head, type, seconds] = auditType.exec(text) ?? [];
  if (head === undefined) return undefined;
  const fields = fieldsOf(text.slice(head.length));
  const of = { time: Math.round(Number(seconds) * 1000), pid: Number(fields.get('pid')) };
  if (!Number.isSafeInteger(of.pid)) return undefined;
  return type === '1326' ? loggedCall(fields, of) : loggedAccess(fields, of);
}

function loggedCall(fields: ReadonlyMap<string, string>, of: Origin): LoggedCall | undefined {
  if (fields.get('code') !== logged) return undefined;
  const { exe = '', comm = '' } = Object.fromEntries(fields);
  const syscall = syscallOfNumber(Number(fields.get('syscall')), fields.get('arch') ?? '');
  return { kind: 'Seccomp', ...of, program: exe === '' || exe === '/' ? comm : exe, syscall };
}

function loggedAccess(fields: ReadonlyMap<string, string>, of: Origin): LoggedAccess | undefined {
  const decision = fields.get('apparmor');
  if (decision !== 'ALLOWED' && decision !== 'AUDIT') return undefined;
  const [profile = ''] = fields.get('profile')?.split('//') ?? [];
  const operation = fields.get('operation') ?? '';
  // The target of an execution is the profile of the new program.
  const named = operation === 'exec' ? ['name'] : subjectFields;
  const subject = named.flatMap((name) => fields.get(name) ?? []).join(' ');
  return {
    ...{ kind: 'AppArmor', ...of, profile },
    ...{ operation, subject, isPermitted: decision === 'AUDIT' },
  };
}

function fieldsOf(text: string): ReadonlyMap<string, string> {
  const fields = [...text.matchAll(field)].map(([, name = '', quoted, plain = '']): [string, string] => {
    if (quoted !== undefined) return [name, quoted];
    return [name, untrusted.has(name) && /^(?:[0-9A-F]{2})+$/.test(plain) ? fromHex(plain) : plain];
  });
  return new Map(fields);
}

function fromHex(text: string): string {
  return Buffer.from(text, 'hex').toString('utf8');
}
