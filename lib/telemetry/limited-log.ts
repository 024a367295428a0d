import type { DiagLogger } from '@opentelemetry/api';

/** Has pino's methods. */
export type TelemetryLog = Record<'warn' | 'error', (record: object, message: string) => void>;

/** Milliseconds between two messages: a collector that is down fails every few seconds. */
const interval = 60_000;

/** Logs what OpenTelemetry reports, at most once a minute, and how much was left out in between. */
export class LimitedLog implements DiagLogger {
  readonly #log: TelemetryLog;
  #loggedAt = Number.NEGATIVE_INFINITY;
  #left = 0;

  constructor(log: TelemetryLog) {
    this.#log = log;
  }

  error(message: string): void {
    this.#write('error', message);
  }

  warn(message: string): void {
    this.#write('warn', message);
  }

  info(): void {}
  debug(): void {}
  verbose(): void {}

  #write(level: 'warn' | 'error', problem: string): void {
    if (performance.now() - this.#loggedAt < interval) {
      this.#left++;
      return;
    }
    this.#loggedAt = performance.now();
    this.#log[level]({ messageId: 'fairlead.telemetry.failed', problem, leftOut: this.#left }, 'traces were not sent');
    this.#left = 0;
  }
}
