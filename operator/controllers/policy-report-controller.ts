import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { toFairleadError } from '#lib/errors';
import { parseAnswer } from '#lib/kube/answer';
import { isMissingCollection } from '#lib/kube/api-error';
import type { ApiServer } from '#lib/kube/api-server';
import { apiVersionOf, type Resource } from '#lib/kube/resource';
import type { CoverageView } from './coverage-view.ts';
import { PolicyReportWriter, type PolicyReportWriterOptions } from './policy-report-writer.ts';

export interface PolicyReportControllerOptions extends Omit<PolicyReportWriterOptions, 'coverage'> {
  /** Is asked whether it serves the reports. */
  readonly api: Pick<ApiServer, 'get'>;
  readonly view: Pick<CoverageView, 'synced' | 'coverage'>;
}

/** The answer, an APIResourceList of meta/v1. */
const resourcesSchema = v.object({ resources: v.array(v.object({ name: v.string() })) });

/**
 * Reports the coverage of pods as objects of one resource until `signal` aborts, while the API
 * server serves it: the API is that of a dashboard, which may be installed and removed at any time.
 */
export async function runPolicyReportController(
  { api, view, ...options }: PolicyReportControllerOptions,
  signal: AbortSignal,
): Promise<void> {
  const { resource, period, log } = options;
  if (signal.aborted) return;
  const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  await Promise.race([aborted, view.synced()]);
  let writer: PolicyReportWriter | undefined;
  let isServed: boolean | undefined;
  while (!signal.aborted) {
    const wasServed: boolean | undefined = isServed;
    isServed = await areReportsServed(api, resource, signal).catch((thrown: unknown) => {
      log.debug({ err: toFairleadError(thrown) }, 'it is not known whether reports are served');
      return wasServed;
    });
    if (signal.aborted) break;
    if (isServed !== wasServed) {
      const fields = { apiVersion: apiVersionOf(resource) };
      if (isServed) log.info(fields, 'the coverage is reported');
      else log.info(fields, 'no reports are written, because the API server does not serve them');
    }
    if (isServed) writer ??= new PolicyReportWriter({ ...options, coverage: () => view.coverage() });
    else {
      await writer?.stop();
      writer = undefined;
    }
    await sleep(period, undefined, { signal }).catch(() => undefined);
  }
  await writer?.stop();
}

/** Throws what {@link ApiServer.get} throws, if that does not answer the question. */
async function areReportsServed(
  api: Pick<ApiServer, 'get'>,
  resource: Resource,
  signal: AbortSignal,
): Promise<boolean> {
  const apiVersion = apiVersionOf(resource);
  const title = `list the resources of ${apiVersion}`;
  try {
    const answer = parseAnswer(await api.get({ path: `/apis/${apiVersion}`, title, signal }), title);
    return v.parse(resourcesSchema, answer).resources.some(({ name }) => name === resource.plural);
  } catch (thrown) {
    if (isMissingCollection(thrown)) return false;
    throw thrown;
  }
}
