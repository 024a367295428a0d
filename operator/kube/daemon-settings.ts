import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { parseAnswer } from '#lib/kube/answer';
import { isNotFound } from '#lib/kube/api-error';
import type { ApiServer } from '#lib/kube/api-server';
import { describeIssue } from '../api/describe-issue.ts';
import {
  daemonName,
  type SecurityProfilesOperatorDaemon,
  securityProfilesOperatorDaemonSchema,
} from '../api/securityprofilesoperatordaemon/v1.ts';

/** The settings of the administrator. */
export interface DaemonSource {
  /**
   * Returns the SecurityProfilesOperatorDaemon as it is now, or undefined if it does not exist.
   * Throws what {@link ApiServer.get} throws, also if the resource is not served, and InvalidInput
   * if it is invalid: then it is not known what the administrator allows.
   */
  read(): Promise<Pick<SecurityProfilesOperatorDaemon, 'spec'> | undefined>;
}

/**
 * Returns a source that reads the SecurityProfilesOperatorDaemon `spod` in the namespace of the
 * operator for each question. There is no cache, for the reason that bindings have none: a profile
 * that is created after a setting is judged by it.
 */
export function daemonSource(api: ApiServer, namespace: string): DaemonSource {
  const collection = `/apis/security-profiles-operator.x-k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/securityprofilesoperatordaemons`;
  const title = `read the SecurityProfilesOperatorDaemon ${namespace}/${daemonName}`;
  return {
    async read() {
      let json: string;
      try {
        json = await api.get({ path: `${collection}/${daemonName}`, title });
      } catch (thrown) {
        // Not for a resource that is not served: an API server that starts knows none yet.
        if (isNotFound(thrown)) return undefined;
        throw thrown;
      }
      const { spec } = readObject(parseAnswer(json, title), title);
      const parsed = v.safeParse(securityProfilesOperatorDaemonSchema, spec === undefined ? {} : { spec });
      if (parsed.success) return parsed.output;
      const issue = describeIssue(parsed.issues[0], 'the object');
      throw new FairleadError(
        'InvalidInput',
        `the SecurityProfilesOperatorDaemon ${namespace}/${daemonName} is invalid: ${issue}`,
        {
          hint: 'Correct it: it specifies which profiles the administrator allows.',
        },
      );
    },
  };
}

const objectSchema = v.object({ kind: v.literal('SecurityProfilesOperatorDaemon'), spec: v.optional(v.unknown()) });

/** Something else than the API server may have answered: that would be settings that allow all. */
function readObject(answer: unknown, title: string): v.InferOutput<typeof objectSchema> {
  const parsed = v.safeParse(objectSchema, answer);
  if (parsed.success) return parsed.output;
  throw new FairleadError(
    'Unavailable',
    `cannot ${title}: the answer is not this object: ${v.summarize(parsed.issues)}`,
  );
}
