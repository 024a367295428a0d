import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ShimLog } from '../report/shim-log.ts';

/** Sends variables to the service manager, as sd_notify(3) does. */
export type Notify = (variables: readonly string[]) => Promise<void>;

/** The dependencies of ServiceManager. */
export interface ServiceManagerDependencies {
  readonly env: NodeJS.ProcessEnv;
  readonly pid: number;
  readonly log: Pick<ShimLog, 'warn'>;
  readonly notify?: Notify;
}

/** How long the service manager may take to receive a message, in milliseconds. */
const longestNotice = 10_000;

const run = promisify(execFile);

/**
 * The service manager that started this process, if any: systemd. Messages arrive in the order in
 * which they are sent. Does nothing without NOTIFY_SOCKET. Node has no datagram sockets of Unix, so
 * systemd-notify sends the messages: the unit needs NotifyAccess=all.
 */
export class ServiceManager {
  readonly #notify: Notify | undefined;
  readonly #log: Pick<ShimLog, 'warn'>;
  /** How long the shim may be silent, in milliseconds; undefined without a watchdog. */
  readonly watchdog: number | undefined;
  #sent: Promise<void> = Promise.resolve();
  #isReady = false;
  #hasWarned = false;

  constructor({ env, pid, log, notify = systemdNotify }: ServiceManagerDependencies) {
    const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID = String(pid) } = env;
    this.#notify = NOTIFY_SOCKET === undefined ? undefined : notify;
    this.#log = log;
    const microseconds = Number(WATCHDOG_USEC ?? 0);
    const isWatched = this.#notify !== undefined && WATCHDOG_PID === String(pid) && microseconds > 0;
    this.watchdog = isWatched ? microseconds / 1000 : undefined;
  }

  /** Reports that the service works. */
  ready(): Promise<void> {
    this.#isReady = true;
    return this.#send(['READY=1', 'STATUS=ready']);
  }

  /**
   * Reports that the service is alive. If it is ready, also that: versions of systemd before 246
   * lose a message whose sender ends before it is read.
   */
  alive(): Promise<void> {
    return this.#send([...(this.#isReady ? ['READY=1'] : []), 'WATCHDOG=1']);
  }

  /** Reports the beginning and the end of a reload. A service that is not ready only reloads. */
  async reload(readAgain: () => Promise<void>): Promise<void> {
    if (!this.#isReady) return readAgain();
    const reported = this.#reloading();
    await readAgain();
    await reported;
    await this.ready();
  }

  #reloading(): Promise<void> {
    this.#isReady = false;
    // The clock of hrtime is CLOCK_MONOTONIC.
    return this.#send(['RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`]);
  }

  /** Reports that the service ends. */
  stopping(): Promise<void> {
    this.#isReady = false;
    return this.#send(['STOPPING=1', 'STATUS=stopping']);
  }

  #send(variables: readonly string[]): Promise<void> {
    const notify = this.#notify;
    if (notify === undefined) return Promise.resolve();
    this.#sent = this.#sent.then(() => notify(variables)).catch((error: unknown) => this.#warn(error));
    return this.#sent;
  }

  #warn(err: unknown): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const hint = 'Install systemd-notify, which is part of systemd, and set NotifyAccess=all in the unit.';
    this.#log.warn({ messageId: 'fairlead.systemd.unreachable', err, hint }, 'systemd cannot be notified');
  }
}

async function systemdNotify(variables: readonly string[]): Promise<void> {
  await run('systemd-notify', variables, { timeout: longestNotice });
}
