import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { toFairleadError } from '#lib/errors';
import { parseAnswer } from '#lib/kube/answer';
import { isMissingCollection } from '#lib/kube/api-error';
import type { ApiServer } from '#lib/kube/api-server';
import { apiVersionOf } from '#lib/kube/resource';
import type { CoverageView } from './coverage-view.ts';
import { PolicyReportWriter, type PolicyReportWriterOptions } from './policy-report-writer.ts';
import { policyReports } from './stored-policy-report.ts';

export interface PolicyReportControllerOptions extends Omit<PolicyReportWriterOptions, 'coverage'> {
  /** Is asked whether it serves PolicyReports. */
  readonly api: Pick<ApiServer, 'get'>;
  readonly view: Pick<CoverageView, 'synced' | 'coverage'>;
}

/** The answer, an APIResourceList of meta/v1. */
const resourcesSchema = v.object({ resources: v.array(v.object({ name: v.string() })) });

/**
 * Reports the coverage of pods as PolicyReports until `signal` aborts, while the API server serves
 * them: their API is that of a dashboard, which may be installed and removed at any time.
 */
export async function runPolicyReportController(
  { api, view, ...options }: PolicyReportControllerOptions,
  signal: AbortSignal,
): Promise<void> {
  const { period, log } = options;
  if (signal.aborted) return;
  const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  await Promise.race([aborted, view.synced()]);
  let writer: PolicyReportWriter | undefined;
  let isServed: boolean | undefined;
  while (!signal.aborted) {
    const wasServed: boolean | undefined = isServed;
    isServed = await areReportsServed(api, signal).catch((thrown: unknown) => {
      log.debug({ err: toFairleadError(thrown) }, 'it is not known whether PolicyReports are served');
      return wasServed;
    });
    if (signal.aborted) break;
    if (isServed !== wasServed) {
      const fields = { apiVersion: apiVersionOf(policyReports) };
      if (isServed) log.info(fields, 'the coverage is reported as PolicyReports');
      else log.info(fields, 'no PolicyReports are written, because the API server does not serve them');
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
async function areReportsServed(api: Pick<ApiServer, 'get'>, signal: AbortSignal): Promise<boolean> {
  const title = `list the resources of ${apiVersionOf(policyReports)}`;
  try {
    const answer = parseAnswer(await api.get({ path: `/apis/${apiVersionOf(policyReports)}`, title, signal }), title);
    return v.parse(resourcesSchema, answer).resources.some(({ name }) => name === policyReports.plural);
  } catch (thrown) {
    if (isMissingCollection(thrown)) return false;
    throw thrown;
  }
}
