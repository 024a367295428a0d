import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AskService, ServiceRequest } from '#lib/network/service-client';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { memoryRepository } from '#lib/registry/memory';
import { parseReference } from '#lib/registry/reference';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { keySigner } from '#lib/trust/sign/key-signer';
import type { Publication, PublicationOutcome } from '#services/push/publish-many';
import { loosens } from '#services/push/refused-publication';
import { publishThroughService } from './publish-through-service.ts';
import { PushService } from './push-service.ts';

const signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
const valid = '{"defaultAction": "SCMP_ACT_ERRNO"}';
const stranger = `sha256:${'ab'.repeat(32)}`;

function publication(name: string, content = valid): Publication {
  return {
    name,
    read: async () => Buffer.from(content),
    request: { reference: parseReference(`registry.example.com/${name}:1`) },
    dependencies: { target: memoryRepository(), signer, clock: () => new Date(0), limits: defaultPublicationLimits },
  };
}

type Reply = (request: ServiceRequest, count: number) => { readonly status?: number; readonly body: unknown };

/** Publishes through a service that gives these answers. Returns what it was sent, too. */
async function publish(publications: readonly Publication[], reply: Reply, dryRun = false) {
  const requests: ServiceRequest[] = [];
  const send: AskService = async (request) => {
    requests.push(request);
    const count = (
      Buffer.from(request.body ?? '')
        .toString('latin1')
        .match(/name="profile"/g) ?? []
    ).length;
    const { status = 200, body } = reply(request, count);
    return { status, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) };
  };
  const url = new URL('https://push.example.com/');
  const service = new PushService({ url, token: 'token', audience: 'https://push.example.com', send });
  const outcomes = await publishThroughService(publications, service, { dryRun, onOutcome: () => undefined });
  return { outcomes, requests };
}

/** Answers as a service does that has nothing yet, and takes everything. */
const takes =
  (digest: string, planned: object = {}): Reply =>
  ({ url }, count) => ({
    body: {
      publications: Array.from({ length: count }, () =>
        url.includes('dryRun')
          ? { digest, change: 'created', alreadySigned: false, ...planned }
          : { digest, signature: stranger, alreadySigned: false },
      ),
    },
  });

const digestOf = async (): Promise<string> => {
  const { outcomes } = await publish([publication('a')], takes(stranger, { change: 'unchanged', alreadySigned: true }));
  const [outcome] = outcomes;
  assert.ok(outcome !== undefined && 'published' in outcome);
  return outcome.published.artifact.descriptor.digest;
};
const own = await digestOf();
const texts = (outcomes: readonly PublicationOutcome[]): readonly string[] =>
  outcomes.map((outcome) => ('error' in outcome ? `${outcome.error.kind}: ${outcome.error.message}` : outcome.status));

describe('publishThroughService', () => {
  it('asks, signs what was packed here, and sends the bundle', async () => {
    const { outcomes, requests } = await publish([publication('a')], takes(own));
    assert.deepEqual(texts(outcomes), ['published']);
    assert.deepEqual(
      requests.map(({ url }) => url),
      ['https://push.example.com/v1/publications?dryRun=unsigned', 'https://push.example.com/v1/publications'],
    );
    const [asked, sent] = requests.map(({ body }) => Buffer.from(body ?? '').toString('utf8'));
    assert.doesNotMatch(asked ?? '', /name="bundle"/);
    const [, payload = ''] = /"payload":"([^"]+)"/.exec(sent ?? '') ?? [];
    const { subject } = JSON.parse(Buffer.from(payload, 'base64').toString('utf8'));
    assert.deepEqual(subject[0].digest, { sha256: own.slice('sha256:'.length) });
    assert.ok(requests.every(({ headers }) => headers?.['authorization'] === 'Bearer token'));
  });

  it('signs nothing if the service would publish another artifact', async () => {
    const { outcomes, requests } = await publish([publication('a')], takes(stranger));
    assert.deepEqual(texts(outcomes), [`Conflict: the service would publish ${stranger}, not ${own}`]);
    assert.equal(requests.length, 1);
  });

  it('sends nothing again that is published and signed, and nothing in a dry run', async () => {
    const held = await publish([publication('a')], takes(own, { change: 'unchanged', alreadySigned: true }));
    assert.deepEqual([texts(held.outcomes), held.requests.length], [['unchanged'], 1]);
    const unsigned = await publish([publication('a')], takes(own, { change: 'unchanged' }));
    assert.deepEqual([texts(unsigned.outcomes), unsigned.requests.length], [['published'], 2]);
    const dry = await publish([publication('a')], takes(own), true);
    assert.deepEqual([texts(dry.outcomes), dry.requests.length], [['planned'], 1]);
  });

  it('states that it has not compared a profile whose tag moves, unless the service has refused to loosen', async () => {
    const moved = takes(own, { change: 'moved' });
    const loosened = async (each: Publication): Promise<boolean | undefined> => {
      const [outcome] = (await publish([each], moved)).outcomes;
      assert.ok(outcome !== undefined && 'published' in outcome);
      return loosens(outcome.published);
    };
    const one = publication('a');
    assert.equal(await loosened(one), undefined);
    assert.equal(await loosened({ ...one, request: { ...one.request, failOn: 'loosened' } }), false);
  });

  it('sends nothing if one of the profiles is invalid', async () => {
    const { outcomes, requests } = await publish([publication('a'), publication('b', '{}')], takes(own));
    assert.equal(texts(outcomes)[0], 'ProfileInvalid: not sent, since another profile cannot be published');
    assert.match(texts(outcomes)[1] ?? '', /^ProfileInvalid: b|^ProfileInvalid: profile/);
    assert.deepEqual(requests, []);
  });

  it('sends at most 64 profiles in a request', async () => {
    const many = Array.from({ length: 65 }, (_, at) => publication(`p${at}`));
    const counts: number[] = [];
    const { outcomes } = await publish(many, (request, count) => {
      counts.push(count);
      return takes(own)(request, count);
    });
    assert.deepEqual(counts, [64, 64, 1, 1]);
    assert.equal(texts(outcomes).filter((text) => text === 'published').length, 65);
  });

  it('reports what the service answers, and what is not a push service', async () => {
    const cases: [ReturnType<Reply>, RegExp][] = [
      [
        { status: 403, body: { kind: 'NotAllowed', detail: 'a: no rule\n  1 of 2', hint: 'Add one.' } },
        /^NotAllowed: push\.example\.com: a: no rule\n {2}1 of 2$/,
      ],
      [{ status: 401, body: { kind: 'Unauthenticated', detail: 'wrong' } }, /^Unauthenticated: .*: wrong$/],
      [{ status: 502, body: '<html>' }, /^Unavailable: .* answered 502$/],
      [{ status: 404, body: '<html>' }, /^InvalidInput: .* is not a push service: it answered 404$/],
      [{ status: 200, body: '{}' }, /^InvalidInput: .* is not a push service/],
      [{ status: 200, body: { publications: [] } }, /^InvalidInput: .* is not a push service/],
      [takes('sha256:x')({ method: 'POST', url: '?dryRun' }, 1), /^InvalidInput: .* is not a push service/],
    ];
    for (const [answer, expected] of cases) {
      const { outcomes } = await publish([publication('a')], () => answer);
      assert.match(texts(outcomes).join(), expected);
    }
  });
});
