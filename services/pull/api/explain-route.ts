import type { FastifyInstance } from 'fastify';
import { runtimeDefaultAppArmor } from '#lib/profile/apparmor/runtime-default';
import { effectiveProfile } from '#lib/profile/effective-profile';
import type { RuntimeKind, RuntimeProfile } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import { compareCalls, countCalls, referenceHost } from '#lib/profile/seccomp/call-counts';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { parseReference } from '#lib/registry/reference';
import type { ApiDependencies } from './api-dependencies.ts';
import { contentOf, describeVerified } from './prepared-answers.ts';
import { answersWith, profileQuery } from './schemas.ts';
import { sendJson } from './send-json.ts';

interface ExplainRequest {
  readonly Querystring: { readonly reference: string; readonly kind: RuntimeKind };
}

const schema = {
  operationId: 'explainProfile',
  summary: 'Explain what a profile permits',
  description:
    'What is left of the profile on a node whose baseline is RuntimeDefault, as `fairlead explain` shows it. For seccomp: for ' +
    'containers with the default capabilities on amd64, under what all releases of containerd since 1.6.16 allow.',
  querystring: profileQuery,
  response: answersWith('Explanation'),
};

/** A plugin that serves `GET /v1/explain?reference=…`: what a profile permits on a node. */
export async function explainRoute(app: FastifyInstance, dependencies: ApiDependencies): Promise<void> {
  const { profiles, readers, turns, signalOf, baseline: loadBaseline } = dependencies;
  app.get<ExplainRequest>('/v1/explain', { schema, exposeHeadRoute: false }, async (request, reply) => {
    const { kind } = request.query;
    const reference = parseReference(request.query.reference);
    readers.authorize(await readers.identify(request.headers.authorization), reference, kind);
    const profile = await profiles.find({ reference, kind }, signalOf(reply));
    const baseline = await loadBaseline();
    await turns.take();
    const artifact = readProfile(contentOf(profile), profile.descriptor.digest, profile.kind);
    return sendJson(reply, { ...describeVerified(profile), ...explain(artifact, baseline) }, readers);
  });
}

function explain(artifact: RuntimeProfile, seccompDefault: SeccompProfile): object {
  const baseline: RuntimeProfile =
    artifact.kind === 'Seccomp'
      ? { kind: 'Seccomp', seccomp: seccompDefault }
      : { kind: 'AppArmor', apparmor: runtimeDefaultAppArmor };
  const native = nativeArchitecture(referenceHost.architecture);
  const { constraints } = effectiveProfile({ baseline, artifact }, native);
  if (artifact.kind !== 'Seccomp') return { baseline: 'RuntimeDefault', constraints };
  const syscalls = compareCalls(artifact.seccomp, seccompDefault);
  return { baseline: 'RuntimeDefault', constraints, counts: countCalls(syscalls), syscalls };
}
