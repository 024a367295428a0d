import type { FastifyInstance } from 'fastify';
import { diffProfiles } from '#lib/profile/diff-profiles';
import type { RuntimeKind } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import { isLoosened } from '#lib/profile/render-diff';
import {
  type MachineArchitecture,
  machineArchitectures,
  nativeArchitecture,
} from '#lib/profile/seccomp/tables/architecture';
import { formatReference, parseReference } from '#lib/registry/reference';
import type { VerifiedProfile } from '../verified/verified-profile.ts';
import type { ApiDependencies } from './api-dependencies.ts';
import { contentOf } from './prepared-answers.ts';
import { answersWith, parameters } from './schemas.ts';
import { sendJson } from './send-json.ts';

interface DiffRequest {
  readonly Querystring: {
    readonly from: string;
    readonly to: string;
    readonly kind: RuntimeKind;
    readonly architecture: MachineArchitecture;
  };
}

const schema = {
  operationId: 'diffProfiles',
  summary: 'Compare two profiles by what they permit',
  description:
    'Both must be allowed by the trust policy. The differences are those of meaning, as `fairlead diff` shows them.',
  querystring: {
    type: 'object',
    required: ['from', 'to'],
    additionalProperties: false,
    properties: {
      from: { ...parameters.reference, description: `The old profile: ${parameters.reference.description}` },
      to: { ...parameters.reference, description: `The new profile: ${parameters.reference.description}` },
      kind: parameters.kind,
      architecture: {
        type: 'string',
        enum: machineArchitectures,
        default: 'amd64',
        description: 'The architecture of profiles that list none',
      },
    },
  },
  response: answersWith('ProfileDiff'),
};

/** A plugin that serves `GET /v1/diff?from=…&to=…`: how two profiles differ in meaning. */
export async function diffRoute(app: FastifyInstance, dependencies: ApiDependencies): Promise<void> {
  const { profiles, readers, turns, signalOf } = dependencies;
  app.get<DiffRequest>('/v1/diff', { schema, exposeHeadRoute: false }, async (request, reply) => {
    const { kind, architecture } = request.query;
    const [from, to] = [parseReference(request.query.from), parseReference(request.query.to)];
    const caller = await readers.identify(request.headers.authorization);
    for (const reference of [from, to]) readers.authorize(caller, reference, kind);
    const signal = signalOf(reply);
    const [before, after] = await Promise.all([
      profiles.find({ reference: from, kind }, signal),
      profiles.find({ reference: to, kind }, signal),
    ]);
    await turns.take();
    const found = diffProfiles(parsed(before), parsed(after), nativeArchitecture(architecture));
    return sendJson(
      reply,
      { from: sideOf(before), to: sideOf(after), kind, loosened: isLoosened(found), ...found },
      readers,
    );
  });
}

function parsed(profile: VerifiedProfile) {
  return readProfile(contentOf(profile), profile.descriptor.digest, profile.kind);
}

function sideOf({ reference, descriptor }: VerifiedProfile): object {
  return { reference: formatReference(reference), digest: descriptor.digest };
}
