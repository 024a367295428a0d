import { X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { FairleadError, toFairleadError } from '#lib/errors';
import type { ServedTls } from '#lib/http/served-tls';
import type { WritableApiServer } from '#lib/kube/api-server';
import { backoffDelay } from '#lib/kube/backoff';
import type { KubeLog } from '#lib/kube/log';
import { CertificateSecret, type HeldSecret } from './certificate-secret.ts';
import { bundleOf, type KeyPair, type Material } from './material.ts';
import { carryOut, type Durations, defaultDurations, planCertificates, type Situation, type Step } from './plan.ts';
import { TrustInjector } from './trust-injector.ts';

export interface CertificateOptions {
  readonly api: WritableApiServer;
  /** The namespace of the operator. */
  readonly namespace: string;
  /** The names by which API servers call the webhooks. */
  readonly names: readonly string[];
  /** Which uses the certificate. */
  readonly tls: ServedTls;
  readonly log: KubeLog;
  readonly durations?: Durations | undefined;
  /** Milliseconds between two looks at the Secret; a minute by default. */
  readonly interval?: number | undefined;
}

const defaultInterval = 60_000;
const retry = { initialMs: 1000, maxMs: 30_000 };
/** From one look to the next, at least. */
const mostOftenMs = 1000;
/** `keep` follows after at most four steps of one replica. */
const mostSteps = 5;

/**
 * Makes, renews and serves the certificates of the webhooks, and has API servers trust them. Any
 * number of replicas may do so together: the Secret is the only state.
 */
export class OperatorCertificates {
  readonly #options: CertificateOptions;
  readonly #secret: CertificateSecret;
  readonly #injector: TrustInjector;
  readonly #stopped = new AbortController();
  #woken = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  #served: KeyPair | undefined;
  /** The last material that was read. */
  #material: Material | undefined;
  /** The bundle that API servers have, and since when. */
  #inForce: { readonly bundle: string; readonly since: number } | undefined;
  #problem: FairleadError | undefined;

  constructor(options: CertificateOptions) {
    this.#options = options;
    this.#secret = new CertificateSecret(options.api, options.namespace);
    this.#injector = new TrustInjector(options.api, options.log, () => this.#woken.resolve());
  }

  /** Begins, once only; a failure is logged, and tried again. */
  async start(): Promise<void> {
    this.#injector.start();
    const failed = await this.#attempt();
    this.#running = this.#run(failed);
  }

  /** Throws the reason why no certificate of the Secret is served. */
  check(): void {
    if (this.#served !== undefined) return;
    throw this.#problem ?? new FairleadError('Unavailable', 'the certificate of the webhooks is not read yet');
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all([this.#running, this.#injector.stop()]);
  }

  async #run(failed: boolean): Promise<void> {
    const { signal } = this.#stopped;
    for (let failures = failed ? 1 : 0; !signal.aborted; ) {
      if (failures > 0) await this.#pause(backoffDelay(retry, failures));
      else {
        await this.#pause(this.#waitMs(), this.#woken.promise);
        // For several changes at a time, and for another program that changes it back.
        await this.#pause(mostOftenMs);
      }
      this.#woken = Promise.withResolvers<void>();
      if (signal.aborted) return;
      failures = (await this.#attempt()) ? failures + 1 : 0;
    }
  }

  /** Waits for a time, or until something happens. */
  async #pause(ms: number, event?: Promise<void>): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([this.#stopped.signal, over.signal]);
    const time = sleep(ms, undefined, { signal }).catch(() => undefined);
    await Promise.race(event === undefined ? [time] : [time, event]);
    over.abort();
  }

  get #durations(): Durations {
    return this.#options.durations ?? defaultDurations;
  }

  /** Milliseconds until the next look, if nothing changes. */
  #waitMs(): number {
    const { interval = defaultInterval } = this.#options;
    const isWaiting = this.#inForce !== undefined && this.#served?.certificate !== this.#material?.serving.certificate;
    return isWaiting ? this.#durations.takenUp : interval;
  }

  /** Returns whether it failed. */
  async #attempt(): Promise<boolean> {
    try {
      this.#material = await this.#settle();
      await this.#distribute(this.#material);
      this.#problem = undefined;
      return false;
    } catch (thrown) {
      if (this.#stopped.signal.aborted) return true;
      this.#problem = toFairleadError(thrown);
      this.#options.log.error({ err: this.#problem }, 'the certificates of the webhooks cannot be kept up');
      return true;
    }
  }

  /** Brings the Secret to a state in which nothing is to be done, and returns what it holds. */
  async #settle(): Promise<Material> {
    const { log } = this.#options;
    for (let steps = 0; steps < mostSteps; steps++) {
      const held = await this.#secret.read();
      const situation = this.#situation(held, new Date());
      if (planCertificates(situation, this.#durations) === 'keep' && held?.material !== undefined) return held.material;
      // The clock of the API server counts.
      const agreed = { ...situation, now: await this.#secret.serverTime() };
      const step = planCertificates(agreed, this.#durations);
      if (step === 'keep') {
        if (held?.material !== undefined) return held.material;
        continue;
      }
      if (await this.#write(step, agreed, held)) log.info({ step, reason: held?.damage }, 'certificates written');
    }
    throw new FairleadError('Conflict', 'the Secret with the certificates is changed again and again');
  }

  #situation(held: HeldSecret | undefined, now: Date): Situation {
    const material = held?.material;
    return {
      material,
      now,
      names: this.#options.names,
      remembered: this.#material?.trusted ?? [],
      isTrustInForce: material !== undefined && this.#injector.isInForce(bundleOf(material.trusted)),
    };
  }

  /** Returns whether this replica has written the Secret. */
  async #write(step: Exclude<Step, 'keep'>, situation: Situation, held: HeldSecret | undefined): Promise<boolean> {
    try {
      await this.#secret.write(carryOut(step, situation, this.#durations), held);
      return true;
    } catch (thrown) {
      // Another replica was faster, or it was deleted: what it is now decides.
      if (thrown instanceof FairleadError && (thrown.kind === 'Conflict' || thrown.kind === 'NotFound')) return false;
      throw thrown;
    }
  }

  /** Has API servers trust the material, and then serves it. */
  async #distribute(material: Material): Promise<void> {
    const bundle = bundleOf(material.trusted);
    if (this.#served === undefined || !this.#isUsable(this.#served, material)) this.#serve(material.serving);
    if (!this.#injector.isInForce(bundle)) {
      this.#inForce = undefined;
      await this.#injector.inject(bundle);
      return;
    }
    const now = performance.now();
    if (this.#inForce?.bundle !== bundle) this.#inForce = { bundle, since: now };
    if (this.#served?.certificate === material.serving.certificate) return;
    // The authority may have been trusted before, with others.
    if (now - this.#inForce.since >= this.#durations.takenUp) this.#serve(material.serving);
  }

  #serve(serving: KeyPair): void {
    const { tls, log } = this.#options;
    const { ca } = tls.pair;
    tls.replace({ cert: serving.certificate, key: serving.key, ca });
    this.#served = serving;
    const { validTo, serialNumber } = new X509Certificate(serving.certificate);
    log.info({ serialNumber, expires: validTo }, 'certificate of the webhooks in use');
  }

  /** Whether API servers with the bundle of the material accept a certificate. */
  #isUsable({ certificate }: KeyPair, { trusted }: Material): boolean {
    const served = new X509Certificate(certificate);
    return (
      served.validToDate.getTime() > Date.now() && trusted.some((each) => served.checkIssued(new X509Certificate(each)))
    );
  }
}
