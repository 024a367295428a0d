import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { toFairleadError } from '#lib/errors';
import { ApiError } from './api-error.ts';
import type { ObjectMeta, ObjectToWrite } from './kube-object.ts';
import type { KubeLog } from './log.ts';
import type { KubeMetrics } from './metrics.ts';
import type { ObjectClient } from './object-client.ts';
import { objectKey, type Resource } from './resource.ts';
import { formatMicroTime, formatTime } from './time.ts';
import { TokenBucket } from './token-bucket.ts';

/** Served since Kubernetes 1.19. */
export const events: Resource = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};

/**
 * The same objects in the form of the core group. They are written in it: the other accepts no
 * `lastTimestamp` and no `count`, which kubectl sorts by and prints.
 */
const coreEvents: Resource = { ...events, group: '' };

export interface EventRecorderOptions {
  readonly client: ObjectClient;
  /** The name of the program that reports: a qualified name, such as `fairlead.dev/operator`. */
  readonly controller: string;
  /** Which of its processes: the name of the pod. */
  readonly instance: string;
  readonly log: KubeLog;
  readonly metrics?: KubeMetrics | undefined;
  /** Milliseconds between two writes of how often an event has occurred; 10,000 by default. */
  readonly countEveryMs?: number | undefined;
}

/** Something that has happened to an object, for people. */
export interface EventToRecord {
  readonly type: 'Normal' | 'Warning';
  /** Why, as a word: `InstallFailed`. */
  readonly reason: string;
  /** What was done, as a word: `Install`. */
  readonly action: string;
  /** A sentence, such as `shownMessage` of an error. It is written as one line of 1024 bytes. */
  readonly note: string;
}

/** The object that an event is about. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'uid' | 'resourceVersion'>;
}

/**
 * Where events about objects without a namespace are: API servers before 1.21 accept no other for
 * events that have a time of their own, and newer ones accept it as well as `default`.
 */
const namespaceOfCluster = 'kube-system';
/** Limits of the API. */
const maxNoteBytes = 1024;
const maxWord = 128;
/** An event that occurs again after this time is another event. */
const windowMs = 10 * 60_000;
/** Events and objects that are remembered, and events that wait to be written. */
const mostRemembered = 1000;
/** As in Kubernetes: a burst of events about an object, then one each five minutes. */
const limitOfObject = { burst: 25, everyMs: 300_000 };
const defaultCountEveryMs = 10_000;
/** The time for the last events when the recorder stops. */
const stopWithinMs = 5000;

interface Recorded {
  readonly key: string;
  readonly name: string;
  readonly namespace: string;
  readonly subject: EventSubject;
  readonly event: EventToRecord;
  readonly firstAt: Date;
  lastAt: Date;
  count: number;
  isWritten: boolean;
}

/**
 * Writes events. The same event about the same object is one object, with the number of its
 * occurrences. Nothing waits for an event, and nothing fails because of one: what cannot be written
 * is logged and forgotten.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #recent = new LRUCache<string, Recorded>({ max: mostRemembered, ttl: windowMs });
  readonly #limits = new LRUCache<string, TokenBucket>({ max: mostRemembered });
  readonly #toWrite = new Set<Recorded>();
  readonly #toCount = new Set<Recorded>();
  readonly #timer: NodeJS.Timeout;
  #writing: Promise<void> | undefined;
  #stopped = false;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#count(), options.countEveryMs ?? defaultCountEveryMs);
    this.#timer.unref();
  }

  /** Records an event; it is written soon after. */
  record(subject: EventSubject, event: EventToRecord): void {
    if (this.#stopped) return;
    const { metadata } = subject;
    const about = `${subject.kind} ${objectKey(metadata)} ${metadata.uid}`;
    const key = JSON.stringify([about, event.type, event.reason, event.action, event.note]);
    const before = this.#recent.get(key, { updateAgeOnGet: true });
    if (before !== undefined) {
      before.count++;
      before.lastAt = new Date();
      this.#toCount.add(before);
      return;
    }
    if (this.#toWrite.size >= mostRemembered || !this.#limitOf(about).take()) {
      this.#options.metrics?.countEvent('limited');
      this.#options.log.debug({ about, ...event }, 'an event is not written: there are too many');
      return;
    }
    const now = new Date();
    const recorded: Recorded = {
      key,
      name: `fairlead-${randomUUID()}`,
      namespace: metadata.namespace ?? namespaceOfCluster,
      subject,
      event,
      firstAt: now,
      lastAt: now,
      count: 1,
      isWritten: false,
    };
    this.#recent.set(key, recorded);
    this.#toWrite.add(recorded);
    this.#write();
  }

  /** Writes what is left, for at most five seconds, and records nothing more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    const late = sleep(stopWithinMs, undefined, { ref: false });
    await Promise.race([this.#writing, late]);
    this.#count();
    await Promise.race([this.#writing, late]);
    this.#toWrite.clear();
  }

  #limitOf(about: string): TokenBucket {
    const held = this.#limits.get(about) ?? new TokenBucket(limitOfObject);
    this.#limits.set(about, held);
    return held;
  }

  /** Writes the numbers that have changed. */
  #count(): void {
    for (const recorded of this.#toCount) {
      // One that waits to be created is created with its number.
      if (!recorded.isWritten) continue;
      this.#toCount.delete(recorded);
      this.#toWrite.add(recorded);
    }
    this.#write();
  }

  /** Begins to write what waits, one event after the other. */
  #write(): void {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(): Promise<void> {
    for (const recorded of this.#toWrite) {
      this.#toWrite.delete(recorded);
      await this.#writeOne(recorded);
    }
  }

  async #writeOne(recorded: Recorded): Promise<void> {
    const { log, metrics } = this.#options;
    try {
      if (!recorded.isWritten || !(await this.#patch(recorded))) await this.#create(recorded);
      metrics?.countEvent('written');
    } catch (thrown) {
      metrics?.countEvent('failed');
      // If it occurs again, it is tried again.
      if (!recorded.isWritten) {
        this.#recent.delete(recorded.key);
        this.#toCount.delete(recorded);
      }
      const { subject, event } = recorded;
      log.warn({ err: toFairleadError(thrown), about: objectKey(subject.metadata), ...event }, 'an event is lost');
    }
  }

  async #create(recorded: Recorded): Promise<void> {
    await this.#options.client.create(coreEvents, this.#objectOf(recorded));
    recorded.isWritten = true;
  }

  /** Returns false if the event exists no more: API servers delete them after an hour. */
  async #patch({ namespace, name, count, lastAt }: Recorded): Promise<boolean> {
    try {
      const series = { count, lastObservedTime: formatMicroTime(lastAt) };
      const changed = { count, lastTimestamp: formatTime(lastAt), series };
      await this.#options.client.mergePatch(coreEvents, { namespace, name }, changed);
      return true;
    } catch (thrown) {
      if (thrown instanceof ApiError && thrown.status === 404) return false;
      throw thrown;
    }
  }

  #objectOf({ name, namespace, subject, event, firstAt, lastAt, count }: Recorded): ObjectToWrite {
    const { controller, instance } = this.#options;
    const { apiVersion, kind, metadata } = subject;
    const { name: subjectName, namespace: subjectNamespace, uid, resourceVersion } = metadata;
    return {
      metadata: { namespace, name },
      eventTime: formatMicroTime(firstAt),
      firstTimestamp: formatTime(firstAt),
      lastTimestamp: formatTime(lastAt),
      count,
      type: event.type,
      reason: event.reason.slice(0, maxWord),
      action: event.action.slice(0, maxWord),
      message: fitting(oneLine(event.note)),
      involvedObject: { apiVersion, kind, name: subjectName, namespace: subjectNamespace, uid, resourceVersion },
      reportingComponent: controller,
      source: { component: controller },
      reportingInstance: instance.slice(0, maxWord),
      // A series begins with its second event.
      ...(count === 1 ? {} : { series: { count, lastObservedTime: formatMicroTime(lastAt) } }),
    };
  }
}

/** kubectl shows the first line of a message only. */
function oneLine(note: string): string {
  return note.replaceAll(/\s*\n\s*/g, ' ');
}

/** Returns a note with at most as many bytes as the API accepts, cut off between characters. */
function fitting(note: string): string {
  const whole = note.toWellFormed();
  if (Buffer.byteLength(whole) <= maxNoteBytes) return whole;
  const { read } = new TextEncoder().encodeInto(whole, new Uint8Array(maxNoteBytes - Buffer.byteLength('…')));
  return `${whole.slice(0, read)}…`;
}
